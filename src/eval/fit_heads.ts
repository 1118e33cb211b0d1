/**
 * Trains linear classifiers.
 *
 * @module
 */
import { keyedRandom, permutation } from "../base/random.ts";
import type { Gpu } from "../gpu/device.ts";
import { Memory, roundUp, type Store } from "../gpu/memory.ts";
import { type ChoosingProfile, deviceProfileOf, type KernelChooser } from "../graph/kernel_choice.ts";
import { Program } from "../graph/program.ts";
import { Tape } from "../graph/tape.ts";
import { type Tensor, tensorIn } from "../graph/tensor.ts";
import { addInto } from "../ops/add.ts";
import { packStep } from "../optim/optimizer.ts";
import { learningRate } from "../optim/schedule.ts";
import type { LabeledFeatures } from "./features.ts";
import { PROBE_BATCH } from "./head_sizes.ts";
import {
  createHeads,
  headInputs,
  type HeadOptions,
  type Heads,
  type HeadWeights,
  learnHeads,
  MOMENTUM,
  plainOptimizer,
  prepareHeads,
  readHeads,
} from "./heads.ts";
import { copyRow, type Standard } from "./standardize.ts";

/** Steps submitted before waiting for the GPU. */
const STEPS_AHEAD = 64;
/** Key of the draws of the epochs' orders. */
const ORDER_KEY = 2 ** 41;

/** How classifiers are trained. */
export interface FitOptions {
  classes: number;
  rates: readonly number[];
  /** Weight decay. Default: 0. */
  decay?: number;
  epochs: number;
  seed: number;
  signal?: AbortSignal;
  chooser?: KernelChooser;
}

/**
 * Trains classifiers on fixed features. Each epoch has its own order, drawn by the seed, and drops the incomplete batch at
 * its end; the learning rate falls to 0 along a cosine.
 */
export async function fitFeatures(
  gpu: Gpu,
  { samples, rows, standard, classes, rates, decay, epochs, seed, signal, chooser }: FitOptions & {
    samples: LabeledFeatures;
    rows: Uint32Array;
    standard?: Standard;
  },
): Promise<HeadWeights> {
  const { labels, dims } = samples, D = roundUp(dims, 4);
  const batch = Math.min(PROBE_BATCH, rows.length), steps = Math.floor(rows.length / batch);
  const total = epochs * steps;
  const x: Store = { name: "features", category: "input", bytes: batch * D * 4 };
  using learner = new HeadLearner(gpu, {
    dims,
    classes,
    rates,
    decay,
    rows: batch,
    chooser,
    features: () => tensorIn(x, { shape: [batch, D] }),
  });
  const block = new Float32Array(batch * D), targets = new Float32Array(batch);
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = permutation(rows.length, keyedRandom(seed, ORDER_KEY, epoch));
    for (let s = 0; s < steps; s++) {
      signal?.throwIfAborted();
      for (let i = 0; i < batch; i++) {
        const row = rows[order[s * batch + i]];
        copyRow(block, i * D, { samples, row, standard });
        targets[i] = labels[row];
      }
      learner.memory.write(x, block);
      await learner.step(targets, learningRate(epoch * steps + s, { lr: 1, total, warmup: 0 }));
    }
  }
  return await learner.weights();
}

/** Trains classifiers step by step, on the features that `features` traces. */
export class HeadLearner implements Disposable {
  readonly memory: Memory;
  readonly program: Program;
  readonly #heads: Heads;
  readonly #inputs;
  readonly #decay: number;
  #steps = 0;

  constructor(
    gpu: Gpu,
    { rows, decay = 0, chooser, features, ...options }: HeadOptions & {
      /** Weight decay, of a single classifier: several would have to share it relative to their rates. */
      decay?: number;
      /** Rows per step. */
      rows: number;
      chooser?: KernelChooser;
      features(tape: Tape): Tensor;
    },
  ) {
    if (decay && options.rates.length > 1) throw new RangeError("Cannot decay several classifiers at once");
    // A rate multiplies the gradient of the loss, not that of the penalty.
    this.#decay = decay * options.rates[0];
    this.memory = new Memory(gpu);
    const target: ChoosingProfile = deviceProfileOf(gpu, chooser);
    const tape = new Tape(target, { training: false, views: 1, add: addInto });
    const heads = this.#heads = createHeads(options);
    this.#inputs = headInputs(rows);
    const given = tape.noGrad(() => features(tape));
    const optimizer = plainOptimizer(heads.network, target);
    learnHeads(tape, { heads, features: given, inputs: this.#inputs, optimizer });
    this.program = new Program(this.memory, { dispatches: tape.dispatches });
    prepareHeads(this.memory, { heads, optimizer });
  }

  /** Submits a step on `labels`; `lr` multiplies the rates. Waits for the GPU now and then. */
  async step(labels: Float32Array<ArrayBuffer>, lr: number): Promise<void> {
    const { labels: store, scalars } = this.#inputs;
    this.memory.gpu.check();
    this.memory.write(store, labels);
    this.memory.write(
      scalars,
      packStep({ lr, momentum: MOMENTUM, weightDecay: this.#decay, tau: 1, slot: 0 }),
    );
    this.program.run();
    if (++this.#steps % STEPS_AHEAD === 0) await this.memory.gpu.device.queue.onSubmittedWorkDone();
  }

  /** The weights so far. Waits for the GPU. */
  async weights(): Promise<HeadWeights> {
    return await readHeads(this.memory, this.#heads);
  }

  [Symbol.dispose](): void {
    this.program[Symbol.dispose]();
    this.memory[Symbol.dispose]();
  }
}
