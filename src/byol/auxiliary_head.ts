/**
 * A head that learns from the encoder's features during training, without affecting the encoder.
 *
 * @module
 */
import type { Memory, Store } from "../gpu/memory.ts";
import type { Tape } from "../graph/tape.ts";
import type { ChoosingProfile } from "../graph/kernel_choice.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { FlatStore } from "../nn/parameters.ts";

/** Learns from the features of a training step. It has stores of its own, and its gradients do not reach the encoder. */
export interface AuxiliaryHead {
  /**
   * Appends the gradient of its own loss on the features [2N, D] of a batch, view 1 of all images, then view 2. `step`: the
   * step's scalars.
   */
  record(tape: Tape, { features, step }: { features: Tensor; step: Tensor }): void;
  /** Appends its update by the mean gradient of a step's batches. */
  update(tape: Tape): void;
  /** That gradient. */
  readonly gradients: Store;
  /** Writes the tables of its kernels. Call once before the first step. */
  prepare(memory: Memory): void;
  /** Writes the labels of the next step: the classes of the batch's N images, −1 for none. */
  feed(memory: Memory, labels: ArrayLike<number>): void;
  /** Its part of a checkpoint, with the prefix of its names. */
  readonly parts: { flat: FlatStore; store: Store; prefix: string }[];
}

/** Creates a head for steps of `batches` times `batch` images on `target`. */
export type AuxiliaryHeadFactory = (
  options: { target: ChoosingProfile; batch: number; batches: number },
) => AuxiliaryHead;
