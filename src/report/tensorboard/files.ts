/**
 * The files of a run for TensorBoard: where they are, and which are event files, a file for each time that the run started
 * or went on.
 *
 * @module
 */
import { join } from "node:path";
import { fileError } from "../../io/file_error.ts";
import { projectorFiles } from "./projector.ts";

/** The folder of the files. */
export const TENSORBOARD = "tensorboard";

/** The path of the folder of the run in `out`. */
export const folderOf = (out: string) => join(out, TENSORBOARD);

/** A name that TensorBoard finds by "tfevents", with the seconds since 1970: it reads files in the order of their names. */
const ours = /^events\.out\.tfevents\.(\d{10})\.byol$/;

/** The paths of the event files that runs of this project wrote to `folder`, the oldest first. */
export async function eventFiles(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isFile } of Deno.readDir(folder)) {
      if (isFile && ours.test(name)) names.push(name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw fileError(folder, error);
  }
  return names.sort().map((name) => join(folder, name));
}

/** A path for the next event file, after those of `files`, even if the clock was set back. */
export function nextEventFile(
  folder: string,
  { files, seconds }: { files: string[]; seconds: number },
): string {
  const last = files.length === 0 ? 0 : Number(/(\d{10})\.byol$/.exec(files.at(-1)!)![1]);
  const time = Math.max(Math.floor(seconds), last + 1);
  return join(folder, `events.out.tfevents.${String(time).padStart(10, "0")}.byol`);
}

/** Removes what was written for TensorBoard by the run in `out`, and nothing else. */
export async function removeTensorboard(out: string): Promise<void> {
  const folder = folderOf(out), events = await eventFiles(folder);
  if (events.length === 0) return; // the other names are not ours alone
  for (const path of [...events, ...projectorFiles.map((name) => join(folder, name))]) {
    await Deno.remove(path).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw fileError(path, error);
    });
  }
}
