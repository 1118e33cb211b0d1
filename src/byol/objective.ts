/**
 * The family between BYOL and SimCLR (paper, section 5 and appendix F): which networks there are, and what their outputs
 * are held to.
 *
 * @module
 */
import type { Tape } from "../graph/tape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { byolLoss } from "../ops/byol_loss.ts";
import { infoNce } from "../ops/info_nce.ts";

/**
 * Whose projections the predictions are held against: `ema`, a second network, the moving average of the first; `fixed`, a
 * second network that stays as it began; `none`, those of the online network itself, without a gradient; `shared`, the same
 * with a gradient, so that both sides learn.
 */
export type TargetKind = "ema" | "fixed" | "none" | "shared";

/** A member of the family. */
export interface Objective {
  /** Whether the online network has a predictor; without one its projections are the predictions. */
  predictor: boolean;
  target: TargetKind;
  /** The weight β of the negatives. */
  negatives: number;
  /** The temperature α, which counts where there are negatives. */
  temperature: number;
}

/** BYOL's. */
export const BYOL: Objective = { predictor: true, target: "ema", negatives: 0, temperature: 0.1 };

/** Whether the target is a network of its own. */
export function hasTargetNetwork({ target }: Objective): boolean {
  return target === "ema" || target === "fixed";
}

/** Appends the loss of `q` against `target`, and begins the backward pass. Returns each row's term, [2N]. */
export function objectiveLoss(
  tape: Tape,
  { target: kind, negatives, temperature }: Objective,
  { q, target }: { q: Tensor; target: Tensor },
): Tensor {
  const shared = kind === "shared";
  return negatives === 0
    ? byolLoss(tape, { q, target, shared })
    : infoNce(tape, { q, target, shared, negatives, temperature });
}
