/** Questions about files. */

import { messageOf } from "./errors.ts";

/** Whether there is a file or folder at `path`. */
export async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** Why a file could not be read, from what reading it threw. */
export function readFailure(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  return error instanceof Deno.errors.IsADirectory ? "it is a folder" : messageOf(error);
}
