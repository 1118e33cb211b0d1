/**
 * Advice on errors of the machine: code that meets its limits does not know the options that avoid them.
 *
 * @module
 */
import type { MachineError, MachineProblem } from "../base/errors.ts";

const ADVICE: Record<MachineProblem, string> = {
  batch: "Lower --batch, --size, --hidden or --projection.",
  size: "Lower --size, --decode-size, --hidden or --projection.",
  memory: "Lower --batch or --size, add --recompute always, or choose a smaller --backbone.",
  kernels: "Use --kernels default, or --kernels blocked.",
  precision: "Use --precision f32, or a driver with the feature shader-f16.",
  lost: "Checkpoints are intact: continue with --resume.",
};

/** The message of `error`, followed by what to do about it, if that is known. */
export function messageWithAdvice({ message, problem }: MachineError): string {
  return problem ? `${message.replace(/\.?$/, ".")} ${ADVICE[problem]}` : message;
}
