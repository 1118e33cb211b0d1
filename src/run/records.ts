/**
 * What a run writes down of its steps.
 *
 * @module
 */
import type { Lap } from "./clock.ts";

/** A line of metrics.jsonl. */
export interface StepRecord extends Lap {
  /** Steps done, 1 for the first. */
  step: number;
  /** The epoch of the step's batch, 0 for the first. */
  epoch: number;
  /** The sum of both terms averaged over the batch: 0 … 8 without negatives. */
  loss: number;
  lr: number;
  /** Null without a target network. */
  tau: number | null;
  /** Standard deviation of the normalised projections: near 1/√D when healthy, 0 when collapsed. */
  z_std: number;
  /** The l2 norm of the online network's gradient. */
  grad_norm: number;
  /** The cosine of the online network's weights to the target network's, after the step; null without one. */
  target_cosine: number | null;
}

/** kNN accuracies in 0 … 1 before the first step. */
export interface KnnBefore {
  raw_pixels: number;
  untrained: number;
}
