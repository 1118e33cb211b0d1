/**
 * A linear classifier that learns in each training step from the features of its views, as they are: it tells during
 * training how far classes can be told apart, and gives the encoder no gradient.
 *
 * @module
 */
import type { Memory, Store } from "../gpu/memory.ts";
import type { Tape } from "../graph/tape.ts";
import type { Target } from "../graph/kernel_choice.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { FlatStore } from "../nn/parameters.ts";
import { type Optimizer, packStep } from "../optim/optimizer.ts";
import {
  createHeads,
  headInputs,
  type Heads,
  learnHeads,
  MOMENTUM,
  plainOptimizer,
  prepareHeads,
} from "./heads.ts";
import { type HeadWeights, readHeads } from "./linear.ts";

/** Its learning rate, the same from the first step to the last: the features never stand still. */
const RATE = 0.1;

/** The probe of training steps on `batch` images of two views. */
export class OnlineProbe {
  readonly #heads: Heads;
  readonly #optimizer: Optimizer;
  readonly #inputs;
  readonly #labels: Float32Array<ArrayBuffer>;

  constructor(
    { dims, classes, batch, target }: { dims: number; classes: number; batch: number; target: Target },
  ) {
    this.#heads = createHeads({ dims, classes, rates: [RATE] });
    this.#optimizer = plainOptimizer(this.#heads.network, target);
    this.#inputs = headInputs(2 * batch);
    this.#labels = new Float32Array(2 * batch);
  }

  /** Appends its step to that of the encoder, of which it reads the features [2N, D]. */
  record(tape: Tape, features: Tensor): void {
    learnHeads(tape, { heads: this.#heads, features, inputs: this.#inputs, optimizer: this.#optimizer });
  }

  /** Writes what its kernels look up. */
  prepare(memory: Memory): void {
    prepareHeads(memory, { heads: this.#heads, optimizer: this.#optimizer });
    const scalars = packStep({ lr: 1, momentum: MOMENTUM, weightDecay: 0, tau: 1, slot: 0 });
    memory.write(this.#inputs.scalars, scalars);
  }

  /** Tells the next step the classes of its images. */
  feed(memory: Memory, labels: ArrayLike<number>): void {
    this.#labels.set(labels);
    this.#labels.set(labels, labels.length);
    memory.write(this.#inputs.labels, this.#labels);
  }

  /** Weights and momentum, by the prefixes that they have in a checkpoint. */
  get parts(): { flat: FlatStore; store: Store; prefix: string }[] {
    const { parameters } = this.#heads.network;
    return [
      { flat: parameters, store: parameters.store, prefix: "probe." },
      { flat: parameters, store: this.#optimizer.velocity, prefix: "probe_momentum." },
    ];
  }

  /** What it has learnt so far. Waits for the GPU. */
  weights(memory: Memory): Promise<HeadWeights> {
    return readHeads(memory, this.#heads);
  }
}
