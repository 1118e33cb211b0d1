/**
 * Linear classifiers ("heads") side by side on the same features, one per learning rate, trained by SGD with Nesterov
 * momentum. The linear protocol, the online probe and fine-tuning put them on top of an encoder.
 *
 * @module
 */
import { ALIGNMENT, type Memory, roundUp, type Store } from "../gpu/memory.ts";
import { Tape } from "../graph/tape.ts";
import type { ChoosingProfile } from "../graph/kernel_choice.ts";
import { regionOf, type Tensor, tensorIn } from "../graph/tensor.ts";
import { constant } from "../nn/init.ts";
import { linearLayout, vectorLayout } from "../nn/layout.ts";
import { createNetwork, type Network, Scope } from "../nn/parameters.ts";
import { addInto } from "../ops/add.ts";
import { linear } from "../ops/linear.ts";
import { softmaxCrossEntropy } from "../ops/softmax_cross_entropy.ts";
import { createOptimizer, type Optimizer, STEP_BYTES } from "../optim/optimizer.ts";

/** The momentum of the paper's linear evaluation (appendix D.1). */
export const MOMENTUM = 0.9;

/** Sizes and learning rates of the classifiers. */
export interface HeadOptions {
  /** Dimensions of the features; in the tensors they are padded to a multiple of 4. */
  dims: number;
  classes: number;
  /** The learning rate of each classifier; the step's rate multiplies all of them. */
  rates: readonly number[];
}

/** The parameters of G classifiers, W [D, G · K] and b [G · K]. They start at zero: the problem is convex. */
export interface Heads extends HeadOptions {
  network: Network;
  /** Classes of one classifier, rounded up to a multiple of 4. */
  columns: number;
  weight: Tensor;
  bias: Tensor;
  rateStore: Store;
}

/** Trained classifiers. */
export interface HeadWeights extends HeadOptions {
  /** W [D, G · K], D and K rounded up to multiples of 4. */
  weight: Float32Array<ArrayBuffer>;
  /** b [G · K] */
  bias: Float32Array<ArrayBuffer>;
}

/** Inputs of a training step. */
export interface HeadInputs {
  /** [M]: classes as floats, −1 without a label. */
  labels: Store;
  /** The step's scalars, as packed by `packStep`. */
  scalars: Store;
}

/** Declares the classifiers, in a network that may also hold an encoder. */
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
export function plainOptimizer(network: Network, { maxBinding }: ChoosingProfile): Optimizer {
  const target = createNetwork("no target", { gradients: false });
  target.parameters.store.bytes = ALIGNMENT; // a binding must not be empty
  return createOptimizer({ online: network, target }, {
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

/** Appends the loss of the classifiers, where {@linkcode Tape.backward} starts. */
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
 * Appends a training step on `features` to `tape`. The backward pass is on a tape of its own, so that no gradient reaches
 * what computed the features.
 *
 * {@linkcode prepareHeads} writes the tables of `optimizer` and the rates.
 */
export function learnHeads(
  tape: Tape,
  options: { heads: Heads; features: Tensor; inputs: HeadInputs; optimizer: Optimizer },
): void {
  differentiateHeads(tape, options);
  options.optimizer.record(tape, stepOf(options.inputs));
}

/** Appends the classifiers' gradients to `tape`. */
export function differentiateHeads(
  tape: Tape,
  options: { heads: Heads; features: Tensor; inputs: HeadInputs },
): void {
  const own = new Tape(tape.target, { training: true, views: 1, add: addInto });
  own.markConstant(options.features);
  classify(own, options);
  own.backward();
  tape.dispatches.push(...own.dispatches);
}

/** The scalars of a step. */
export function stepOf({ scalars }: HeadInputs): Tensor {
  return tensorIn(scalars, { shape: [STEP_BYTES / 4] });
}

/** Writes the tables that the kernels read; the parameters are zero, as new memory is. */
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

/** The weights of the classifiers. Waits for the GPU. */
export async function readHeads(
  memory: Memory,
  { dims, classes, rates, weight, bias }: Heads,
): Promise<HeadWeights> {
  const read = (tensor: Tensor) => memory.read(regionOf(tensor));
  return { dims, classes, rates, weight: await read(weight), bias: await read(bias) };
}
