/**
 * What is measured, as data, with the values that all contenders get.
 *
 * @module
 */
import { createNetworks } from "../../src/byol/networks.ts";
import { backboneByName } from "../../src/nn/backbones.ts";
import { drawWeights, type TorchTensor, unpackWeights } from "../../src/nn/weights.ts";
import { keyedRandom } from "../../src/base/random.ts";

/** y = a·b, both `size` × `size`. */
export interface Product {
  kind: "product";
  size: number;
}

/** A 3 × 3 convolution with stride 1 and padding 1 that keeps the number of channels. */
export interface Convolution {
  kind: "convolution";
  batch: number;
  /** Pixels of a side. */
  size: number;
  channels: number;
  /** Also the gradients of x and w, given that of y. */
  gradients: boolean;
}

/** A step of BYOL. */
export interface TrainingStep {
  kind: "step";
  backbone: string;
  batch: number;
}

/** One of them. */
export type Problem = Product | Convolution | TrainingStep;

/** A row of the table. */
export interface Item {
  title: string;
  problem: Problem;
  /** Multiplications and additions, for GFLOP/s. */
  flop?: number;
}

function convolution(gradients: boolean): Item {
  const [batch, size, channels] = [64, 32, 64];
  const flop = 2 * 9 * channels ** 2 * batch * size ** 2 * (gradients ? 3 : 1);
  const title = `3 × 3 convolution, ${channels} → ${channels} channels, ${batch} images of ${size} px: `;
  return {
    title: title + (gradients ? "forward, dx and dw" : "forward"),
    problem: { kind: "convolution", batch, size, channels, gradients },
    flop,
  };
}

function step(backbone: string, batch: number): Item {
  return { title: `BYOL step, ${backbone}, batch ${batch}`, problem: { kind: "step", backbone, batch } };
}

/** The rows by the names that the command line knows. */
export const items: Readonly<Record<string, readonly Item[]>> = {
  product: [{
    title: "matrix product 1024 × 1024 × 1024",
    problem: { kind: "product", size: 1024 },
    flop: 2 * 1024 ** 3,
  }],
  conv: [convolution(false), convolution(true)],
  resnet18: [step("resnet18", 4)],
  resnet20: [step("resnet20", 16)],
};

/** Of the training step: pixels of a side, width of the heads' hidden layer, dimensions of a projection. */
export const SIZE = 32, HIDDEN = 4096, PROJECTION = 256;

/** Of the training step: SGD with momentum, decay of weights of more than one axis, the target's moving average. */
export const scalars = { lr: 0.05, momentum: 0.9, weightDecay: 5e-4, tau: 0.99 };

/** The parameter whose update stands for all: every other one takes part in its gradient. */
export const WITNESS = "backbone.conv1.weight";

/** `n` values in [−1, 1). */
export function values(seed: number, n: number): Float32Array<ArrayBuffer> {
  const random = keyedRandom(seed);
  return new Float32Array(n).map(() => random.between(-1, 1));
}

/** Both views of a batch, [2 · batch, SIZE, SIZE, channels]: three channels of values, then zeros. */
export function views(batch: number, { channels }: { channels: number }): Float32Array<ArrayBuffer> {
  const pixels = 2 * batch * SIZE * SIZE;
  const rgb = values(1, 3 * pixels);
  if (channels === 3) return rgb;
  return new Float32Array(channels * pixels).map((_, i) =>
    i % channels < 3 ? rgb[Math.floor(i / channels) * 3 + i % channels] : 0
  );
}

/** The networks of a training step. */
export function architectureOf(backbone: string) {
  return {
    backbone: backboneByName(backbone),
    stem: "cifar" as const,
    hidden: HIDDEN,
    projection: PROJECTION,
  };
}

/** The online network's first parameters under torchvision's names; the target starts with the same. */
export function firstWeights(backbone: string): Map<string, TorchTensor> {
  const { parameters } = createNetworks(architectureOf(backbone)).online.network;
  return unpackWeights(parameters, { content: drawWeights(parameters, { seed: 0 }) });
}

/** Whether the target network has a parameter called `name`. */
export function hasTarget(name: string): boolean {
  return !name.startsWith("predictor.");
}

/** `data` of `shape` with its axes in the order `axes`, as in NumPy's transpose. */
export function permuted(
  data: Float32Array,
  shape: readonly number[],
  axes: readonly number[],
): Float32Array<ArrayBuffer> {
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
  const result = new Float32Array(data.length);
  let at = 0;
  const visit = (depth: number, from: number) => {
    if (depth === axes.length) result[at++] = data[from];
    else for (let i = 0; i < shape[axes[depth]]; i++) visit(depth + 1, from + i * strides[axes[depth]]);
  };
  visit(0, 0);
  return result;
}
