/**
 * The loss scale of a run that computes in float16: its state on the GPU, and what it was at past steps.
 *
 * @module
 */
import type { Memory, Store } from "../gpu/memory.ts";
import type { Tape } from "../graph/tape.ts";
import { type Tensor, tensorIn } from "../graph/tensor.ts";
import { adjustLossScale, initialLossScale, LOSS_SCALE_WORDS, unscale } from "../ops/loss_scale.ts";

/** A power of two, at which the scale stays; or `dynamic`: see {@linkcode createLossScale}. */
export type LossScaleOption = number | "dynamic";

/** The dynamic scale of the first step, and the steps without overflow after which it doubles: PyTorch's. */
const FIRST = 2 ** 16, GROWTH = 2000;

/** A loss scale. */
export interface LossScale {
  /** Its state, [{@linkcode LOSS_SCALE_WORDS}]. */
  readonly state: Tensor;
  /** For each slot: the scale of the step, and 1 if it was skipped. */
  readonly ring: Store;
  /** Writes the state of a run's beginning. */
  reset(memory: Memory): void;
  /** Appends the division of gradients by the scale, before they are used. */
  unscale(tape: Tape, gradient: Tensor): void;
  /** Appends the end of a step. */
  adjust(tape: Tape, step: Tensor): void;
}

/**
 * A loss scale, `slots` steps of which are remembered. A dynamic one halves after a step whose gradients overflow, which
 * is skipped, and doubles after 2,000 steps that do not.
 */
export function createLossScale(
  { scale, growth = GROWTH, slots }: { scale: LossScaleOption; growth?: number; slots: number },
): LossScale {
  const dynamic = scale === "dynamic";
  const store: Store = { name: "loss scale", category: "optimizer", bytes: 4 * LOSS_SCALE_WORDS };
  const ring: Store = { name: "loss scales of steps", category: "metrics", bytes: 8 * slots };
  const state = tensorIn(store, { shape: [LOSS_SCALE_WORDS] });
  return {
    state,
    ring,
    reset(memory) {
      memory.write(store, initialLossScale(dynamic ? FIRST : scale));
    },
    unscale(tape, gradient) {
      unscale(tape, { gradient, lossScale: state });
    },
    adjust(tape, step) {
      adjustLossScale(tape, { lossScale: state, ring: tensorIn(ring, { shape: [slots, 2] }), step }, {
        growth: dynamic ? growth : null,
      });
    },
  };
}
