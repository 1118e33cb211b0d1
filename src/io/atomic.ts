/** Files that are written whole or not at all. */

import { basename, dirname, join } from "node:path";
import { fileError } from "./file_error.ts";

const temporary = /^\..+\.partial$/;

async function writeAll(file: Deno.FsFile, chunk: Uint8Array): Promise<void> {
  for (let written = 0; written < chunk.byteLength;) written += await file.write(chunk.subarray(written));
}

/** Flushes the renames in `directory` to disk, where the system has a call for that (Windows has none). */
export async function syncDirectory(directory: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  using handle = await Deno.open(directory);
  await handle.sync();
}

/**
 * Writes `chunks`, one after the other, as the file `path`, replacing an existing one.
 *
 * The bytes go to a temporary file in the same folder, which is flushed to disk and then renamed: even after a crash,
 * `path` has either all of the old bytes or all of the new ones.
 *
 * @throws {MachineError} if the disk is full, read-only or fails; `path` is then unchanged.
 * @throws {UserError} if the folder does not exist.
 */
export async function writeFileAtomic(path: string, chunks: Iterable<Uint8Array>): Promise<void> {
  const directory = dirname(path);
  const partial = join(directory, `.${basename(path)}.${crypto.randomUUID()}.partial`);
  try {
    {
      using file = await Deno.open(partial, { write: true, createNew: true });
      for (const chunk of chunks) await writeAll(file, chunk);
      await file.sync();
    }
    await Deno.rename(partial, path);
    await syncDirectory(directory);
  } catch (error) {
    // It may not exist; if it cannot be removed, the first error is the one to report.
    await Deno.remove(partial).catch(() => {});
    throw fileError(path, error);
  }
}

/** Removes the temporary files that a killed process left in `directory`, which need not exist. */
export async function removeTemporaries(directory: string): Promise<void> {
  try {
    for await (const { name, isFile } of Deno.readDir(directory)) {
      if (isFile && temporary.test(name)) await Deno.remove(join(directory, name));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw fileError(directory, error);
  }
}
