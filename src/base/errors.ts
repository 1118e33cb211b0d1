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

/**
 * Why a machine cannot do the work: the batch or the size exceeds its limits, memory runs out, a kernel fails, the device is
 * lost, or it has no float16. Code that knows the options gives advice by it.
 */
export type MachineProblem = "batch" | "size" | "memory" | "kernels" | "lost" | "precision";

/** The machine cannot do what was asked: no adapter, too little memory, a full disk. The process exits with 2. */
export class MachineError extends Error {
  /** The name of this class. */
  override name = "MachineError";

  /** What the machine lacks, if advice can be given; the message states facts. */
  readonly problem?: MachineProblem;

  /** An error of the kind `problem`, if it is one for which there is advice. */
  constructor(message?: string, { problem, ...options }: ErrorOptions & { problem?: MachineProblem } = {}) {
    super(message, options);
    this.problem = problem;
  }
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
