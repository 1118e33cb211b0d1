/**
 * The linear protocol (paper, appendix D.1): classifiers on features of a frozen encoder, their learning rate chosen on a
 * part of the training samples that is held back for it, then learnt anew on all of them.
 *
 * @module
 */
import type { Gpu } from "../gpu/device.ts";
import { Memory, type Region, roundUp, type Store } from "../gpu/memory.ts";
import { Program } from "../graph/program.ts";
import { Tape } from "../graph/tape.ts";
import { type Pick, type Target, targetOf } from "../graph/kernel_choice.ts";
import { type Tensor, tensorIn } from "../graph/tensor.ts";
import { addInto } from "../ops/add.ts";
import { packStep } from "../optim/optimizer.ts";
import { learningRate } from "../optim/schedule.ts";
import { keyedRandom, permutation } from "../base/random.ts";
import { IMAGES_PER_READ, type LabelledFeatures } from "./features.ts";
import {
  createHeads,
  headInputs,
  type HeadOptions,
  type Heads,
  learnHeads,
  logitsOf,
  MOMENTUM,
  plainOptimizer,
  prepareHeads,
} from "./heads.ts";

/** Learning rates that are tried, at the batch of {@linkcode PROBE_BATCH}: features differ in length by orders. */
export const RATES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];
/** Samples of a step at the most. */
export const PROBE_BATCH = 256;
/** Of the training samples one in so many is held back to choose the learning rate. */
const HELD_BACK = 5;
/** Steps submitted ahead of the GPU. */
const STEPS_AHEAD = 64;
/** Keep the draws of orders and of parts apart. */
const ORDER_KEY = 2 ** 41, PART_KEY = 2 ** 41 + 1;

/** Learnt classifiers. */
export interface HeadWeights extends HeadOptions {
  /** W [D, G · K] and b [G · K], D and K rounded up to multiples of 4. */
  weight: Float32Array<ArrayBuffer>;
  bias: Float32Array<ArrayBuffer>;
}

/** How classifiers learn. */
export interface FitOptions {
  classes: number;
  rates: readonly number[];
  epochs: number;
  seed: number;
  signal?: AbortSignal;
  pick?: Pick;
}

/** Learns classifiers with `rates` from the samples with the numbers `rows`. */
export type Fit = (options: { rates: readonly number[]; rows: Uint32Array }) => Promise<HeadWeights>;

/** What a classifier got right. */
export interface Scores {
  top1: number;
  /** Null with five classes or fewer, where it would say nothing. */
  top5: number | null;
  /** The class that each sample was taken for. */
  predictions: Int32Array<ArrayBuffer>;
}

/** What came of the protocol. */
export interface LinearResult extends Scores {
  /** The learning rate that was chosen. */
  lr: number;
  /** Top-1 of each learning rate on the samples held back. */
  sweep: { lr: number; top1: number }[];
}

/**
 * Chooses the learning rate by `fit` on four fifths of `train` and the accuracy on the rest, of equal ones the lowest;
 * and scores what `fit` then makes of all of `train` on `test`. Samples without a label are neither.
 */
export async function linearProtocol(
  gpu: Gpu,
  { train, test, fit, rates = RATES, seed }: {
    train: LabelledFeatures;
    test: LabelledFeatures;
    fit: Fit;
    rates?: readonly number[];
    seed: number;
  },
): Promise<LinearResult> {
  const labelled = Uint32Array.from([...train.labels.keys()].filter((i) => train.labels[i] >= 0));
  const mixed = permutation(labelled.length, keyedRandom(seed, PART_KEY)).map((i) => labelled[i]);
  const held = Math.floor(labelled.length / HELD_BACK);
  let best = 0;
  let sweep: LinearResult["sweep"] = [];
  if (rates.length > 1 && held > 0) {
    const weights = await fit({ rates, rows: mixed.subarray(held) });
    const scores = await scoreHeads(gpu, { weights, samples: rowsOf(train, mixed.subarray(0, held)) });
    sweep = scores.map(({ top1 }, i) => ({ lr: rates[i], top1 }));
    scores.forEach(({ top1 }, i) => {
      if (top1 > scores[best].top1) best = i;
    });
  }
  const weights = await fit({ rates: [rates[best]], rows: labelled });
  const [scores] = await scoreHeads(gpu, { weights, samples: test });
  return { ...scores, lr: rates[best], sweep };
}

/**
 * Learns from features that stand still: of each epoch's order, drawn from the seed, what makes no whole batch at the end
 * is left out; the rate falls to 0 along a cosine.
 */
export async function fitFeatures(
  gpu: Gpu,
  { samples, rows, classes, rates, epochs, seed, signal, pick }: FitOptions & {
    samples: LabelledFeatures;
    rows: Uint32Array;
  },
): Promise<HeadWeights> {
  const { features, labels, dims } = samples;
  const batch = Math.min(PROBE_BATCH, rows.length),
    steps = Math.floor(rows.length / batch),
    D = roundUp(dims, 4);
  const total = epochs * steps;
  const x: Store = { name: "features", category: "input", bytes: batch * D * 4 };
  using learner = new HeadLearner(gpu, {
    dims,
    classes,
    rates,
    rows: batch,
    pick,
    features: () => tensorIn(x, { shape: [batch, D] }),
  });
  const block = new Float32Array(batch * D), names = new Float32Array(batch);
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = permutation(rows.length, keyedRandom(seed, ORDER_KEY, epoch));
    for (let s = 0; s < steps; s++) {
      signal?.throwIfAborted();
      for (let i = 0; i < batch; i++) {
        const row = rows[order[s * batch + i]];
        block.set(features.subarray(row * dims, (row + 1) * dims), i * D);
        names[i] = labels[row];
      }
      learner.memory.write(x, block);
      await learner.step(names, learningRate(epoch * steps + s, { lr: 1, total, warmup: 0 }));
    }
  }
  return await learner.weights();
}

/** Classifiers that learn step by step, from features that `features` traces. */
export class HeadLearner implements Disposable {
  readonly memory: Memory;
  readonly program: Program;
  readonly #heads: Heads;
  readonly #inputs;
  #steps = 0;

  constructor(
    gpu: Gpu,
    { rows, pick, features, ...options }: HeadOptions & {
      /** Rows of a step. */
      rows: number;
      pick?: Pick;
      features(tape: Tape): Tensor;
    },
  ) {
    this.memory = new Memory(gpu);
    const target: Target = targetOf(gpu, pick);
    const tape = new Tape(target, { training: false, views: 1, add: addInto });
    const heads = this.#heads = createHeads(options);
    this.#inputs = headInputs(rows);
    const given = tape.withoutGradient(() => features(tape));
    const optimizer = plainOptimizer(heads.network, target);
    learnHeads(tape, { heads, features: given, inputs: this.#inputs, optimizer });
    this.program = new Program(this.memory, { dispatches: tape.dispatches });
    prepareHeads(this.memory, { heads, optimizer });
  }

  /** Submits a step, run by `run`, on the labels given; `lr` multiplies the rates. Waits for the GPU now and then. */
  async step(labels: Float32Array<ArrayBuffer>, lr: number, run = () => this.program.run()): Promise<void> {
    const { labels: store, scalars } = this.#inputs;
    this.memory.gpu.check();
    this.memory.write(store, labels);
    this.memory.write(scalars, packStep({ lr, momentum: MOMENTUM, weightDecay: 0, tau: 1, slot: 0 }));
    run();
    if (++this.#steps % STEPS_AHEAD === 0) await this.memory.gpu.device.queue.onSubmittedWorkDone();
  }

  /** What was learnt. Waits for the GPU. */
  async weights(): Promise<HeadWeights> {
    return await readHeads(this.memory, this.#heads);
  }

  [Symbol.dispose](): void {
    this.program[Symbol.dispose]();
    this.memory[Symbol.dispose]();
  }
}

/** What classifiers have learnt. Waits for the GPU. */
export async function readHeads(
  memory: Memory,
  { dims, classes, rates, weight, bias }: Heads,
): Promise<HeadWeights> {
  const read = (region: Region | null) => memory.read(region!);
  return { dims, classes, rates, weight: await read(weight.region), bias: await read(bias.region) };
}

/** The scores of each classifier on the labelled ones of `samples`. */
export async function scoreHeads(
  gpu: Gpu,
  { weights, samples, pick }: { weights: HeadWeights; samples: LabelledFeatures; pick?: Pick },
): Promise<Scores[]> {
  const { features, labels, dims } = samples, { classes, rates } = weights, G = rates.length;
  const rows = Math.min(IMAGES_PER_READ, labels.length), D = roundUp(dims, 4);
  using memory = new Memory(gpu);
  const tape = new Tape(targetOf(gpu, pick), { training: false, views: 1, add: addInto });
  const heads = createHeads(weights), K = heads.columns;
  const x: Store = { name: "features", category: "input", bytes: rows * D * 4 };
  const logits = tape.withoutGradient(() =>
    logitsOf(tape, { heads, features: tensorIn(x, { shape: [rows, D] }) })
  );
  using program = new Program(memory, { dispatches: tape.dispatches, keep: [logits] });
  for (const [tensor, values] of [[heads.weight, weights.weight], [heads.bias, weights.bias]] as const) {
    memory.write(tensor.region!.store, values, tensor.region!.offset);
  }
  const right = rates.map(() => ({ top1: 0, top5: 0, predictions: new Int32Array(labels.length).fill(-1) }));
  for (let first = 0; first < labels.length; first += rows) {
    const n = Math.min(rows, labels.length - first), block = new Float32Array(rows * D);
    for (let i = 0; i < n; i++) {
      block.set(features.subarray((first + i) * dims, (first + i + 1) * dims), i * D);
    }
    memory.write(x, block);
    program.run();
    const values = await memory.read((logits.origin ?? logits).region!);
    for (let i = 0; i < n; i++) {
      if (labels[first + i] < 0) continue;
      right.forEach((score, g) => {
        const row = values.subarray((i * G + g) * K, (i * G + g) * K + classes);
        score.predictions[first + i] = largestOf(row);
        const rank = rankOf(row, labels[first + i]);
        if (rank < 1) score.top1++;
        if (rank < 5) score.top5++;
      });
    }
  }
  const count = labels.reduce((sum, label) => sum + (label >= 0 ? 1 : 0), 0);
  return right.map(({ top1, top5, predictions }) => ({
    top1: top1 / count,
    top5: classes > 5 ? top5 / count : null,
    predictions,
  }));
}

/** The place of the largest value, the first of equal ones; 0 if none is a number. */
function largestOf(row: Float32Array): number {
  let best = 0;
  row.forEach((value, k) => {
    if (value > row[best] || Number.isNaN(row[best])) best = k;
  });
  return best;
}

/** How many classes come before `label`; after all of them comes what learning has lost. */
function rankOf(row: Float32Array, label: number): number {
  const own = row[label];
  if (Number.isNaN(own)) return row.length;
  return row.reduce((rank, value, k) => rank + (value > own || value === own && k < label ? 1 : 0), 0);
}

/** The rows with the numbers `rows`. */
export function rowsOf(
  { features, labels, dims }: LabelledFeatures,
  rows: ArrayLike<number>,
): LabelledFeatures {
  const kept = new Float32Array(rows.length * dims);
  for (let i = 0; i < rows.length; i++) {
    kept.set(features.subarray(rows[i] * dims, (rows[i] + 1) * dims), i * dims);
  }
  return { features: kept, labels: Int32Array.from(rows, (row) => labels[row]), dims };
}
