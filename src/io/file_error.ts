/** What a failed write to disk means for the user. */

import { MachineError, UserError } from "../base/errors.ts";

type Answer = [type: typeof UserError | typeof MachineError, expected: string, remedy: string];

const untouched = "What was there before is untouched";

const answers: Record<string, Answer> = {
  ENOSPC: [MachineError, "the disk must have room for it", `Free some space. ${untouched}`],
  EDQUOT: [MachineError, "your quota must have room for it", `Free some space. ${untouched}`],
  EROFS: [MachineError, "its file system must be writable", `Choose a folder elsewhere. ${untouched}`],
  EACCES: [
    MachineError,
    "you must be allowed to",
    `Choose another folder, or change its permissions. ${untouched}`,
  ],
  EPERM: [
    MachineError,
    "you must be allowed to",
    `Choose another folder, or change its permissions. ${untouched}`,
  ],
  EIO: [MachineError, "the disk must work", `Choose a folder on another one. ${untouched}`],
  ENOENT: [UserError, "its folder must exist", "Create it, or choose another one"],
  ENOTDIR: [UserError, "its folder must be one", "Choose another one"],
};

/**
 * The error to throw in place of `error`, which was thrown while writing `path`: one that says what to do, if it
 * is the disk's refusal and not our own mistake.
 */
export function fileError(path: string, error: unknown): unknown {
  const { code, message } = error as { code?: string; message?: string };
  if (code === undefined) return error;
  const [type, expected, remedy] = answers[code] ?? [MachineError, "the system must let it", untouched];
  return new type(`Cannot write ${path} as ${expected}: ${message}. ${remedy}.`, { cause: error });
}
