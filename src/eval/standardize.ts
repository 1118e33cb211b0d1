/**
 * Standardized features: mean 0 and deviation 1 in each dimension over the samples that classifiers learn from. With their
 * own scales, which differ by orders of magnitude, SGD learns some dimensions too slowly at any learning rate.
 *
 * @module
 */
import type { Memory } from "../gpu/memory.ts";
import type { Tape } from "../graph/tape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { constant } from "../nn/init.ts";
import { vectorLayout } from "../nn/layout.ts";
import { type Network, Scope } from "../nn/parameters.ts";
import { batchNorm } from "../ops/batch_norm.ts";
import type { LabeledFeatures } from "./features.ts";

/** A dimension whose deviation is below this share of its mean is constant but for rounding. */
const CONSTANT = 1e-6;

/** What is subtracted from each dimension, and what then multiplies it. */
export interface Standard {
  mean: Float32Array<ArrayBuffer>;
  factor: Float32Array<ArrayBuffer>;
}

/** The standard of the given `rows`. Constant dimensions become 0. */
export function standardOf({ features, dims }: LabeledFeatures, rows: Uint32Array): Standard {
  const sums = new Float64Array(dims), squares = new Float64Array(dims);
  for (const row of rows) {
    for (let d = 0; d < dims; d++) sums[d] += features[row * dims + d];
  }
  for (const row of rows) {
    for (let d = 0; d < dims; d++) squares[d] += (features[row * dims + d] - sums[d] / rows.length) ** 2;
  }
  const mean = Float32Array.from(sums, (sum) => sum / rows.length);
  const factor = Float32Array.from(squares, (square, d) => {
    const deviation = Math.sqrt(square / rows.length);
    return deviation > CONSTANT * Math.abs(mean[d]) ? 1 / deviation : 0;
  });
  return { mean, factor };
}

/** Copies row `row` of `samples` to `block` from `at` on, standardized if there is a standard. */
export function copyRow(
  block: Float32Array,
  at: number,
  { samples: { features, dims }, row, standard }: {
    samples: LabeledFeatures;
    row: number;
    standard?: Standard;
  },
): void {
  const from = row * dims;
  if (!standard) return block.set(features.subarray(from, from + dims), at);
  const { mean, factor } = standard;
  for (let d = 0; d < dims; d++) block[at + d] = (features[from + d] - mean[d]) * factor[d];
}

/** The same on the GPU, for features [M, dims] that are computed there. */
export interface StandardLayer {
  layer(tape: Tape, features: Tensor): Tensor;
  /** Writes the standard. */
  prepare(memory: Memory, standard: Standard): void;
}

/** Declares it in `network`, as a batch normalization by running statistics whose variance is 1. */
export function standardLayer(network: Network, dims: number): StandardLayer {
  const scope = new Scope(network).child("standard"), layout = vectorLayout(dims);
  const gamma = scope.parameter("weight", { layout, init: constant(1) });
  const beta = scope.parameter("bias", { layout, init: constant(0) });
  const runningMean = scope.statistic("running_mean", { layout, init: constant(0) });
  const runningVar = scope.statistic("running_var", { layout, init: constant(1) });
  return {
    layer: (tape, x) =>
      batchNorm(tape, { x, gamma, beta, runningMean, runningVar, relu: false, name: scope.prefix }),
    prepare(memory, { mean, factor }) {
      const write = (tensor: Tensor, values: Float32Array<ArrayBuffer>) =>
        memory.write(tensor.region!.store, values, tensor.region!.offset);
      write(gamma, factor);
      write(beta, new Float32Array(dims));
      write(runningMean, mean);
      write(runningVar, new Float32Array(dims).fill(1));
    },
  };
}
