/**
 * Learning rate, τ and the other scalars of each step.
 *
 * @module
 */
import { targetDecay } from "../byol/schedule.ts";
import type { Submission } from "../byol/trainer.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";
import { learningRate } from "../optim/schedule.ts";

/** The scalars of step `step` of `total`, 0 for the first. */
export function scheduledScalars(
  step: number,
  { options: { lr, warmup, momentum, weightDecay, tau, tauSchedule }, total }: {
    options: ResolvedOptions;
    total: number;
  },
): Omit<Submission, "part" | "health"> {
  return {
    step,
    lr: learningRate(step, { lr, total, warmup }),
    momentum,
    weightDecay,
    tau: targetDecay(step, { tau, total, schedule: tauSchedule }),
  };
}
