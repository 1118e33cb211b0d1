/**
 * What learns beside the encoder from its features, and must not touch it.
 *
 * @module
 */
import type { Memory, Store } from "../gpu/memory.ts";
import type { Tape } from "../graph/tape.ts";
import type { Target } from "../graph/kernel_choice.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { FlatStore } from "../nn/parameters.ts";

/** A learner of a training step's features; it has stores of its own, and no gradient of its leads to the encoder. */
export interface Observer {
  /** Appends its own step on the features [2N, D] of the batch, view 1 of all images, then view 2. */
  record(tape: Tape, features: Tensor): void;
  /** Writes what its kernels look up. Call once before the first step. */
  prepare(memory: Memory): void;
  /** Writes what the next step needs: the classes of the batch's N images, −1 for none. */
  feed(memory: Memory, labels: ArrayLike<number>): void;
  /** Its part of a checkpoint, with the prefix of its names. */
  readonly parts: { flat: FlatStore; store: Store; prefix: string }[];
}

/** Makes an observer of steps of `batch` images, for a trace for `target`. */
export type ObserverFactory = (options: { target: Target; batch: number }) => Observer;
