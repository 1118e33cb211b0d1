/**
 * The schedule of τ, the decay rate of the target network (paper, section 3.3).
 *
 * @module
 */

/** Constant, or the paper's cosine from `tau` to 1. */
export type TauSchedule = "constant" | "cosine";

/** τ(k) = 1 − (1 − τ_base) · (cos(πk/K) + 1) / 2 for step k of K. */
export function targetDecay(
  step: number,
  { tau, total, schedule }: { tau: number; total: number; schedule: TauSchedule },
): number {
  return schedule === "constant" ? tau : 1 - (1 - tau) * (Math.cos(Math.PI * step / total) + 1) / 2;
}
