/**
 * Linear classifiers side by side on the same features, one for each learning rate, learnt by SGD with Nesterov's
 * momentum: what the linear protocol, the online probe and fine-tuning put on top of an encoder.
 *
 * @module
 */
import { ALIGNMENT, type Memory, roundUp, type Store } from "../gpu/memory.ts";
import { Tape } from "../graph/tape.ts";
import type { Target } from "../graph/kernel_choice.ts";
import { type Tensor, tensorIn } from "../graph/tensor.ts";
import { constant } from "../nn/init.ts";
import { linearLayout, vectorLayout } from "../nn/layout.ts";
import { createNetwork, type Network, Scope } from "../nn/parameters.ts";
import { addInto } from "../ops/add.ts";
import { linear } from "../ops/linear.ts";
import { softmaxCrossEntropy } from "../ops/softmax_cross_entropy.ts";
import { createOptimizer, type Optimizer, STEP_BYTES } from "../optim/optimizer.ts";

/** The momentum of the paper's linear evaluation (appendix D.1). */
export const MOMENTUM = 0.9;

/** What classifiers are made of. */
export interface HeadOptions {
  /** Dimensions of the features; the tensors have them rounded up to a multiple of 4. */
  dims: number;
  classes: number;
  /** The learning rate of each classifier; all are multiplied by the step's. */
  rates: readonly number[];
}

/** The parameters of G classifiers, W [D, G · K] and b [G · K], zero at first: the problem is convex. */
export interface Heads extends HeadOptions {
  network: Network;
  /** Classes of one, rounded up to a multiple of 4. */
  columns: number;
  weight: Tensor;
  bias: Tensor;
  rateStore: Store;
}

/** What a step of learning is fed with. */
export interface HeadInputs {
  /** [M]: classes as floats, −1 for none. */
  labels: Store;
  /** The step's scalars, as `packStep` has them. */
  scalars: Store;
}

/** Declares the classifiers, in a network that may hold an encoder too. */
export function createHeads(
  { dims, classes, rates }: HeadOptions,
  network: Network = createNetwork("classifiers", { gradients: true }),
): Heads {
  const scope = new Scope(network).child("classifier");
  const columns = roundUp(classes, 4), D = roundUp(dims, 4), outFeatures = columns * rates.length;
  const init = constant(0);
  return {
    dims,
    classes,
    rates,
    columns,
    network,
    weight: scope.parameter("weight", { layout: linearLayout({ inFeatures: D, outFeatures }), init }),
    bias: scope.parameter("bias", { layout: vectorLayout(outFeatures), init }),
    rateStore: { name: "rates of the classifiers", category: "input", bytes: 4 * rates.length },
  };
}

/** The optimizer of a network without a target. */
export function plainOptimizer(network: Network, { maxBinding }: Target): Optimizer {
  const nobody = createNetwork("no target", { gradients: false });
  nobody.parameters.store.bytes = ALIGNMENT; // a binding of no bytes is none
  return createOptimizer({ online: network, target: nobody }, {
    name: "sgd",
    maxBinding,
    ema: false,
    nesterov: true,
  });
}

/** The logits [M, G · K] of features [M, D]. */
export function logitsOf(tape: Tape, { heads, features }: { heads: Heads; features: Tensor }): Tensor {
  return linear(tape, { x: features, w: heads.weight, b: heads.bias, name: "classifiers" });
}

/** Appends the loss of the classifiers, from which {@linkcode Tape.backward} starts. */
export function classify(
  tape: Tape,
  { heads, features, inputs: { labels } }: { heads: Heads; features: Tensor; inputs: HeadInputs },
): void {
  const { classes, rates, rateStore } = heads;
  softmaxCrossEntropy(tape, {
    logits: logitsOf(tape, { heads, features }),
    labels: tensorIn(labels, { shape: [labels.bytes / 4] }),
    rates: tensorIn(rateStore, { shape: [rates.length] }),
    classes,
  });
}

/**
 * Appends a step of learning on `features` to `tape`, as they are: the pass back is on a tape of its own, and so can lead
 * no gradient into what made them.
 *
 * The tables of `optimizer` and the rates are to be written by {@linkcode prepareHeads}.
 */
export function learnHeads(
  tape: Tape,
  options: { heads: Heads; features: Tensor; inputs: HeadInputs; optimizer: Optimizer },
): void {
  const { features, optimizer, inputs: { scalars } } = options;
  const own = new Tape(tape.target, { training: true, views: 1, add: addInto });
  own.constant(features);
  classify(own, options);
  own.backward();
  optimizer.record(own, tensorIn(scalars, { shape: [STEP_BYTES / 4] }));
  tape.dispatches.push(...own.dispatches);
}

/** Writes what the kernels look up; the parameters are zero as memory is at first. */
export function prepareHeads(
  memory: Memory,
  { heads: { rates, rateStore }, optimizer }: { heads: Heads; optimizer: Optimizer },
): void {
  memory.write(rateStore, Float32Array.from(rates));
  optimizer.prepare(memory);
}

/** Stores for {@linkcode HeadInputs} of `rows` rows. */
export function headInputs(rows: number): HeadInputs {
  return {
    labels: { name: "labels", category: "input", bytes: 4 * rows },
    scalars: { name: "step of the classifiers", category: "input", bytes: STEP_BYTES, uniform: true },
  };
}
