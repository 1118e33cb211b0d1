/**
 * The event files in a folder: a file for each time that a run started or went on.
 *
 * @module
 */
import { join } from "node:path";
import { fileError } from "../../io/file_error.ts";
import { type EventCoder, openEventCoder } from "./events.ts";
import { recordsIn } from "./records.ts";

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

/**
 * Cuts events after `step` off `files`, which a resumed run writes again, and what a power cut left partial. Files without
 * a value are removed. All events of a step up to a checkpoint's are written before those of later steps.
 *
 * Files are made shorter in place: a TensorBoard that has them open goes on with the next file.
 *
 * @returns the last step of each tag.
 */
export async function keepEventsThrough(
  files: readonly string[],
  step: number,
): Promise<Map<string, number>> {
  const coder = await openEventCoder(), last = new Map<string, number>();
  for (const path of files) {
    try {
      if (!keepThrough(path, { step, coder, last })) await Deno.remove(path);
    } catch (error) {
      throw fileError(path, error);
    }
  }
  return last;
}

/** Cuts a file, adds the steps of its tags to `last`, and tells whether it has a value. */
function keepThrough(
  path: string,
  { step, coder, last }: { step: number; coder: EventCoder; last: Map<string, number> },
): boolean {
  using file = Deno.openSync(path, { read: true, write: true });
  const { size } = file.statSync(), records = recordsIn(file);
  let end: number | null = null, hasValue = false;
  while (end === null) {
    const { done, value } = records.next();
    if (done) {
      end = value;
      break;
    }
    const event = coder.decode(value.data), at = event.step ?? 0;
    if (at > step) end = value.start;
    else {
      for (const { tag } of event.summary?.value ?? []) last.set(tag, Math.max(at, last.get(tag) ?? 0));
      hasValue ||= event.summary !== undefined;
    }
  }
  if (end < size) {
    file.truncateSync(end);
    file.syncSync();
  }
  return hasValue;
}
