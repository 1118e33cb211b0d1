/**
 * Errors that are answered with a message instead of a stack trace: `Cannot <do> "<what>": <fact>. <What to do>.`
 *
 * @module
 */

/** The input cannot be used: an option, a source, a checkpoint. The process exits with 1. */
export class UserError extends Error {
  /** The name of this class. */
  override name = "UserError";
}

/** The machine cannot do what was asked: no adapter, too little memory, a full disk. The process exits with 2. */
export class MachineError extends Error {
  /** The name of this class. */
  override name = "MachineError";
}

/** The run has collapsed and `stopOnCollapse` is set. What was trained is saved. The process exits with 3. */
export class CollapseError extends Error {
  /** The name of this class. */
  override name = "CollapseError";
}

/** The exit code for `error`: 1 for the user's input, 3 for a collapse, 2 for the machine and for bugs. */
export function exitCode(error: unknown): number {
  return error instanceof UserError ? 1 : error instanceof CollapseError ? 3 : 2;
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Completes a {@linkcode MachineError} from code that knows no options with `advice`. Other errors stay as they are. */
export function withAdvice(error: unknown, advice: string): unknown {
  if (!(error instanceof MachineError)) return error;
  return new MachineError(`${error.message.replace(/\.?$/, ".")} ${advice}`, { cause: error });
}
