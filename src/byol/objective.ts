/**
 * The objectives between BYOL and SimCLR (paper, section 5 and appendix F): which networks there are, and the loss of their
 * outputs.
 *
 * @module
 */
import type { Tape } from "../graph/tape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { byolLoss } from "../ops/byol_loss.ts";
import { infoNce } from "../ops/info_nce.ts";

/**
 * The projections that the predictions should match: `ema`, those of a second network, the moving average of the first;
 * `fixed`, those of a second network that never changes; `none`, those of the online network, without a gradient; `shared`,
 * the same with a gradient, so that both sides learn.
 */
export type TargetKind = "ema" | "fixed" | "none" | "shared";

/** An objective. */
export interface Objective {
  /** Whether the online network has a predictor; without one its projections are the predictions. */
  predictor: boolean;
  target: TargetKind;
  /** The weight β of the negatives. */
  negatives: number;
  /** The temperature α, which matters only with negatives. */
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
