/** Failed writes to disk, as errors for the user. */

import { MachineError, UserError } from "../base/errors.ts";

type Answer = [type: typeof UserError | typeof MachineError, fact: string, remedy: string];

const unchanged = "The previous file is unchanged";

const answers: Record<string, Answer> = {
  ENOSPC: [MachineError, "the disk is full", `Free some space. ${unchanged}`],
  EDQUOT: [MachineError, "the disk quota is used up", `Free some space. ${unchanged}`],
  EROFS: [MachineError, "the file system is read-only", `Choose a folder elsewhere. ${unchanged}`],
  EACCES: [
    MachineError,
    "permission is denied",
    `Choose another folder, or change its permissions. ${unchanged}`,
  ],
  EPERM: [
    MachineError,
    "permission is denied",
    `Choose another folder, or change its permissions. ${unchanged}`,
  ],
  EIO: [MachineError, "the disk failed", `Choose a folder on another one. ${unchanged}`],
  ENOENT: [UserError, "its folder does not exist", "Create it, or choose another one"],
  ENOTDIR: [UserError, "its folder is a file", "Choose another one"],
  EISDIR: [UserError, "it is a folder", "Name a file"],
  EEXIST: [UserError, "its folder is a file", "Choose another one"], // as its folder was to be made
};

/**
 * The error to throw in place of `error`, which was thrown while writing `path`: one that says what to do if the system
 * refused the write, `error` itself otherwise.
 */
export function fileError(path: string, error: unknown): unknown {
  const { code, message } = error as { code?: string; message?: string };
  if (code === undefined) return error;
  const [type, fact, remedy] = answers[code] ?? [MachineError, "the system refused it", unchanged];
  return new type(`Cannot write "${path}": ${fact} (${message}). ${remedy}.`, { cause: error });
}
