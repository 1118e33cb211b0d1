/**
 * The training steps of PyTorch in the files step_*.safetensors (tests/golden/make.py): their metadata, and their inputs,
 * which are generated again instead of stored.
 *
 * @module
 */
import { hashUniform } from "./hash.ts";

/** The metadata of step_*.safetensors. */
export interface StepMetadata {
  /** Images in a batch, pixels of their sides, seed of the views. */
  batch: number;
  size: number;
  seed: number;
  /** One for each step. */
  lr: number[];
  tau: number[];
  /** Of the optimizer: momentum, weight decay, and LARS's trust coefficient or 0 for SGD. */
  mu: number;
  decay: number;
  trust: number;
  /** Of the objective, where it is not BYOL's: whether there is a predictor, a target network; the negatives' weight. */
  predictor?: boolean;
  target?: boolean;
  beta?: number;
  temperature?: number;
  /** The losses before each update in PyTorch's float64 and float32. */
  losses: number[];
  losses_float32: number[];
  /** The relative errors of PyTorch's float32; `losses` is the largest of them. */
  errors: Record<
    "theta" | "xi" | "momentum" | "running_online" | "running_target" | "losses" | "grad1",
    number
  >; // without a target network neither xi nor running_target
  /** The smallest distance of a ReLU's input from 0, in units of float32's error there. */
  clearance: number;
}

/**
 * The first value of the parameter `name`, such as `projector.0.weight`, in PyTorch's layout. The target's is the
 * same.
 */
export function initialParameter(name: string, shape: readonly number[]): Float32Array {
  const size = shape.reduce((a, b) => a * b, 1), isWeight = name.endsWith("weight");
  function value(u: number): number {
    if (name.endsWith("layer_scale")) return 0.5 + 0.2 * (u - 0.5);
    if (shape.length > 1) return (2 * u - 1) * Math.sqrt(6 / (size / shape[0]));
    if (!/^backbone\.(bn|layer)/.test(name)) return (isWeight ? 1 : 0) + 0.4 * (u - 0.5);
    if (isWeight) return 0.5 + 0.2 * (u - 0.5);
    return (u < 0.5 ? -1 : 1) * (name.includes("downsample") ? 0.75 : 1.5) + 0.2 * (u - 0.5);
  }
  return Float32Array.from(hashUniform(name, size), value);
}

/** Both views of step `step`, [2, batch, size, size, 3]. */
export function goldenViews(
  { batch: N, size, seed }: Pick<StepMetadata, "batch" | "size" | "seed">,
  step: number,
): Float32Array {
  const C = 3, squares = size / 4;
  const bytes = (name: string, n: number) =>
    hashUniform(`views.${seed}.${step}.${name}`, n).map((u) => Math.floor(256 * u));
  const coarse = bytes("coarse", N * squares * squares * C);
  const fine = bytes("fine", 2 * N * size * size * C);
  return Float32Array.from(fine, (noise, i) => {
    const c = i % C, x = Math.floor(i / C) % size, y = Math.floor(i / (C * size)) % size;
    const n = Math.floor(i / (C * size * size)) % N;
    const square = (n * squares + Math.floor(y / 4)) * squares + Math.floor(x / 4);
    return Math.floor((3 * coarse[square * C + c] + noise) / 4) / 127.5 - 1;
  });
}
