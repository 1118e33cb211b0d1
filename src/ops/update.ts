/**
 * The optimizer's kernels: the norms and trust ratios of LARS, and the update that moves the target network too.
 *
 * @module
 */
import updateCode from "../../kernels/update.wgsl" with { type: "text" };
import normsCode from "../../kernels/lars_norms.wgsl" with { type: "text" };
import trustCode from "../../kernels/lars_trust.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import type { Tape } from "../graph/tape.ts";
import { sizeOf, type Tensor } from "../graph/tensor.ts";

const updateKernel: Kernel = {
  name: "update",
  code: updateCode,
  bindings: {
    gradient: "read",
    scales: "read",
    theta: "read_write",
    velocity: "read_write",
    xi: "read_write",
    step: "uniform",
  },
  params: { n: "u32", targetN: "u32" },
};
const normsKernel: Kernel = {
  name: "lars_norms",
  code: normsCode,
  bindings: {
    theta: "read",
    gradient: "read",
    scales: "read",
    norms: "read_write",
    step: "uniform",
  },
  params: { n: "u32" },
};
const trustKernel: Kernel = {
  name: "lars_trust",
  code: trustCode,
  bindings: { norms: "read", spans: "read", scales: "read_write", step: "uniform" },
  params: { coefficient: "f32" },
};

/** Part of a flat parameter store, with what the kernels look up. Blocks are of 64 elements. */
export interface ParameterSlice {
  /** [n], n a multiple of 64. */
  theta: Tensor;
  /** [n] */
  gradient: Tensor;
  /** [n / 64, 2]: trust ratio of each block's parameter, and 1 or 0 for weight decay. */
  scales: Tensor;
  /** The step's scalars. */
  step: Tensor;
}

/** norms [n / 64, 2] = ‖θ‖² and ‖g + λ·θ‖² of each block. */
export function larsNorms(tape: Tape, tensors: ParameterSlice & { norms: Tensor }): void {
  const n = sizeOf(tensors.theta.shape);
  tape.dispatch(normsKernel, {
    tensors: { ...tensors },
    params: { n },
    grid: tape.grid(Math.ceil(n / 64 / 64)),
  });
}

/**
 * The trust ratios `coefficient` · ‖θ‖ / ‖g + λ·θ‖ of all parameters, into `scales` of each of their blocks. With `clip`,
 * they are divided by lr and at most 1.
 *
 * @param tensors `norms` and `scales` [blocks, 2]; `spans` [parameters, 2] (u32): first block and number of blocks of
 * each parameter.
 */
export function larsTrust(
  tape: Tape,
  tensors: { norms: Tensor; spans: Tensor; scales: Tensor; step: Tensor },
  { coefficient, clip }: { coefficient: number; clip: boolean },
): void {
  tape.dispatch(trustKernel, {
    tensors,
    params: { coefficient },
    grid: [tensors.spans.shape[0], 1, 1],
    constants: { CLIP: Number(clip) },
  });
}

/**
 * v ← momentum · v + trust · (g + λ·θ); θ ← θ − lr · v; and for the first `paired` elements ξ ← τ·ξ + (1 − τ)·θ with the
 * new θ. `ema` = false compiles the average away, for targets that do not follow. With `nesterov`,
 * θ ← θ − lr · (trust · (g + λ·θ) + momentum · v) in place of the second.
 */
export function updateParameters(
  tape: Tape,
  tensors: ParameterSlice & { velocity: Tensor; xi: Tensor },
  { paired, ema, nesterov }: { paired: number; ema: boolean; nesterov: boolean },
): void {
  const n = sizeOf(tensors.theta.shape);
  tape.dispatch(updateKernel, {
    tensors: { ...tensors },
    params: { n, targetN: paired },
    grid: tape.grid(Math.ceil(n / 4 / 64)),
    constants: { EMA: Number(ema), NESTEROV: Number(nesterov) },
    bytes: 4 * (5 * n + (ema ? 2 * paired : 0)), // g, θ, v and ξ are read, the last three written
  });
}
