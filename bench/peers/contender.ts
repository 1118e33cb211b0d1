/**
 * What the bench asks of a library.
 *
 * @module
 */
import type { Problem } from "./problems.ts";

/** A library with its device. */
export interface Contender {
  /** The adapter's name. */
  readonly adapter: string;
  /** Sets `problem` up, its operands on the GPU. Compiling may wait for the first run. */
  create(problem: Problem): Work | Promise<Work>;
}

/** A problem that is set up. */
export interface Work {
  /** Solves it `count` times; resolves when the GPU is done. A training step changes the networks each time. */
  run(count: number): Promise<void>;
  /**
   * What the last run computed. y [M, N] of a product; y, dx [N, H, W, C] and dw [R, S, C, K] of a convolution; of a
   * training step the loss and, in PyTorch's layout, how far the parameter `WITNESS` has gone from its first value in
   * both networks.
   */
  results(): Promise<Results>;
}

/** Values by name. */
export type Results = Record<string, Float32Array>;

/** The libraries and their packages, pinned. Named here rather than imported, so that only the bench installs them. */
export const packages = {
  jax: "npm:@jax-js/jax@0.1.25",
  tensorflow: "npm:@tensorflow/tfjs@4.22.0",
  tensorflowWebgpu: "npm:@tensorflow/tfjs-backend-webgpu@4.22.0",
};

/** The contenders in the order of the table; each is a module here with a function `open`. */
export const contenders = ["ours", "jax", "tensorflow"] as const;

/** One of them. */
export type ContenderName = typeof contenders[number];

/** How many results may wait for the GPU where the library holds work back until its result is asked for. */
export const IN_FLIGHT = 16;

/**
 * Returns what throws the first error that `device` reported. Without a listener such errors are silent, and a library
 * whose kernels were all refused would seem fast.
 */
export function watch(device: GPUDevice): () => void {
  let failure: string | undefined;
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault();
    failure ??= (event as GPUUncapturedErrorEvent).error.message;
  });
  device.lost.then(({ message }) => failure ??= `the device was lost: ${message}`);
  return () => {
    if (failure !== undefined) throw new Error(failure);
  };
}

/** after − before. */
export function moved(after: Float32Array, before: Float32Array): Float32Array {
  return after.map((value, i) => value - before[i]);
}
