/**
 * The online probe: a linear classifier that is trained in each training step on the features of its views. It shows
 * during training how well classes can be separated, and sends no gradient to the encoder. Of a step of several batches it
 * learns once, from the mean of their gradients.
 *
 * @module
 */
import type { Memory, Store } from "../gpu/memory.ts";
import type { Tape } from "../graph/tape.ts";
import type { ChoosingProfile } from "../graph/kernel_choice.ts";
import { type Tensor, tensorIn } from "../graph/tensor.ts";
import type { FlatStore } from "../nn/parameters.ts";
import { accumulateMean } from "../ops/accumulate.ts";
import { type Optimizer, packStep } from "../optim/optimizer.ts";
import {
  createHeads,
  differentiateHeads,
  headInputs,
  type Heads,
  type HeadWeights,
  MOMENTUM,
  plainOptimizer,
  prepareHeads,
  readHeads,
  stepOf,
} from "./heads.ts";

/** Learning rate, constant because the features keep changing. */
const RATE = 0.1;

/** The most bytes of a probe's weights, or of a batch's scores: what every adapter can bind. */
const MAX_BYTES = 2 ** 27;

/** Whether a probe of so many classes fits any adapter: a run must not depend on it. */
export function probeFits(
  { dims, classes }: { dims: number; classes: number },
  { batch }: { batch: number },
): boolean {
  return 4 * classes * Math.max(dims, 2 * batch) <= MAX_BYTES;
}

/** The probe of training steps on `batches` times `batch` images of two views. */
export class OnlineProbe {
  readonly #heads: Heads;
  readonly #optimizer: Optimizer;
  readonly #batches: number;
  /** What its optimizer reads. */
  readonly gradients: Store;
  readonly #inputs;
  readonly #labels: Float32Array<ArrayBuffer>;

  constructor(
    { dims, classes, batch, batches = 1, target }: {
      dims: number;
      classes: number;
      batch: number;
      batches?: number;
      target: ChoosingProfile;
    },
  ) {
    this.#heads = createHeads({ dims, classes, rates: [RATE] });
    const { network } = this.#heads, { bytes } = network.parameters.store;
    this.#batches = batches;
    this.gradients = batches > 1
      ? { name: "averaged gradients of the probe", category: "gradients", bytes }
      : network.gradients!;
    this.#optimizer = plainOptimizer({ ...network, gradients: this.gradients }, target);
    this.#inputs = headInputs(2 * batch);
    this.#labels = new Float32Array(2 * batch);
  }

  /** Appends its gradient on a batch of the encoder, whose features [2N, D] it reads. */
  record(tape: Tape, { features, step }: { features: Tensor; step: Tensor }): void {
    differentiateHeads(tape, { heads: this.#heads, features, inputs: this.#inputs });
    if (this.#batches === 1) return;
    const blocks = (store: Store) => tensorIn(store, { shape: [store.bytes / 256, 64] });
    accumulateMean(
      tape,
      { mean: blocks(this.gradients), from: blocks(this.#heads.network.gradients!), step },
      { batches: this.#batches },
    );
  }

  /** Appends its update. */
  update(tape: Tape): void {
    this.#optimizer.record(tape, stepOf(this.#inputs));
  }

  /** Writes the tables that its kernels read. */
  prepare(memory: Memory): void {
    prepareHeads(memory, { heads: this.#heads, optimizer: this.#optimizer });
    const scalars = packStep({ lr: 1, momentum: MOMENTUM, weightDecay: 0, tau: 1, slot: 0 });
    memory.write(this.#inputs.scalars, scalars);
  }

  /** Sets the classes of the next step's images. */
  feed(memory: Memory, labels: ArrayLike<number>): void {
    this.#labels.set(labels);
    this.#labels.set(labels, labels.length);
    memory.write(this.#inputs.labels, this.#labels);
  }

  /** Weights and momentum, with their prefixes in a checkpoint. */
  get parts(): { flat: FlatStore; store: Store; prefix: string }[] {
    const { parameters } = this.#heads.network;
    return [
      { flat: parameters, store: parameters.store, prefix: "probe." },
      { flat: parameters, store: this.#optimizer.velocity, prefix: "probe_momentum." },
    ];
  }

  /** The weights so far. Waits for the GPU. */
  weights(memory: Memory): Promise<HeadWeights> {
    return readHeads(memory, this.#heads);
  }
}
