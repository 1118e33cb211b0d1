/**
 * Errors that are answered with a message instead of a stack trace.
 *
 * Every message says what was being done, what was expected, what was found and what to do.
 *
 * @module
 */

/** The user's input cannot be used as it is: an option, a source, a checkpoint. The process exits with 1. */
export class UserError extends Error {
  override name = "UserError";
}

/** The machine cannot do what was asked: no adapter, no memory, a full disk. The process exits with 2. */
export class MachineError extends Error {
  override name = "MachineError";
}

/** The run has collapsed and was to stop then. What was trained is saved. The process exits with 3. */
export class CollapseError extends Error {
  override name = "CollapseError";
}

/** The exit code that stands for `error`: 1 for the user's input, 3 for a collapse, 2 for the machine and our own mistakes. */
export function exitCode(error: unknown): number {
  return error instanceof UserError ? 1 : error instanceof CollapseError ? 3 : 2;
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
