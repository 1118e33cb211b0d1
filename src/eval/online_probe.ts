/**
 * Linear classifiers that learn in each training step from the features of its views, as they are: they tell during
 * training how far classes can be told apart, and give the encoder no gradient.
 *
 * @module
 */
import type { Gpu } from "../gpu/device.ts";
import type { Memory, Store } from "../gpu/memory.ts";
import type { Tape } from "../graph/tape.ts";
import type { Target } from "../graph/target.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { FlatStore } from "../nn/parameters.ts";
import { type Optimizer, packStep } from "../optim/optimizer.ts";
import type { LabelledFeatures } from "./features.ts";
import {
  createHeads,
  headInputs,
  type Heads,
  learnHeads,
  MOMENTUM,
  plainOptimizer,
  prepareHeads,
} from "./heads.ts";
import { type HeadWeights, readHeads, scoreHeads } from "./linear.ts";

/**
 * The learning rate of each, the same from the first step to the last as the features never stand still: which of them
 * is right depends on how long features are, and that on the encoder.
 */
const RATES = [0.1, 1, 10];

/** The probe of training steps on `batch` images of two views. */
export class OnlineProbe {
  readonly #heads: Heads;
  readonly #optimizer: Optimizer;
  readonly #inputs;
  readonly #labels: Float32Array<ArrayBuffer>;

  constructor(
    { dims, classes, batch, target }: { dims: number; classes: number; batch: number; target: Target },
  ) {
    this.#heads = createHeads({ dims, classes, rates: RATES });
    this.#optimizer = plainOptimizer(this.#heads.network, target);
    this.#inputs = headInputs(2 * batch);
    this.#labels = new Float32Array(2 * batch);
  }

  /** Appends their step to that of the encoder, of which it reads the features [2N, D]. */
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
      { flat: parameters, store: parameters.store, prefix: "probes." },
      { flat: parameters, store: this.#optimizer.velocity, prefix: "probes_momentum." },
    ];
  }

  /** What they have learnt so far. Waits for the GPU. */
  weights(memory: Memory): Promise<HeadWeights> {
    return readHeads(memory, this.#heads);
  }
}

/** Top-1 on `queries` of the classifier that does best on `references`, which are images of the training. */
export async function probeAccuracy(
  gpu: Gpu,
  { weights, references, queries }: {
    weights: HeadWeights;
    references: LabelledFeatures;
    queries: LabelledFeatures;
  },
): Promise<number> {
  const learnt = (await scoreHeads(gpu, { weights, samples: references })).map(({ top1 }) => top1);
  return (await scoreHeads(gpu, { weights, samples: queries }))[learnt.indexOf(Math.max(...learnt))].top1;
}
