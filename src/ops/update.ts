/**
 * The optimizer's kernels: the norms and trust ratios of LARS, and the update, which includes the target network.
 *
 * @module
 */
import updateCode from "../../kernels/optim/update.wgsl" with { type: "text" };
import copiesCode from "../../kernels/optim/copies.wgsl" with { type: "text" };
import noCopiesCode from "../../kernels/optim/no_copies.wgsl" with { type: "text" };
import normsCode from "../../kernels/optim/lars_norms.wgsl" with { type: "text" };
import trustCode from "../../kernels/optim/lars_trust.wgsl" with { type: "text" };
import spreadCode from "../../kernels/optim/lars_spread.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import type { Tape } from "../graph/tape.ts";
import { sizeOf, type Tensor } from "../graph/tensor.ts";

const updateKernel: Kernel = {
  name: "update",
  files: {
    ...wgsl.workgroup,
    ...wgsl.step,
    "optim/no_copies.wgsl": noCopiesCode,
    "optim/update.wgsl": updateCode,
  },
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
const updateWithCopiesKernel: Kernel = {
  name: "update_with_copies",
  files: {
    ...wgsl.workgroup,
    ...wgsl.step,
    ...wgsl.lossScale,
    "optim/copies.wgsl": copiesCode,
    "optim/update.wgsl": updateCode,
  },
  bindings: {
    gradient: "read",
    scales: "read",
    theta: "read_write",
    velocity: "read_write",
    xi: "read_write",
    thetaCopy: "read_write",
    xiCopy: "read_write",
    lossScale: "read",
    step: "uniform",
  },
  aliases: { Result: ["thetaCopy", "xiCopy"] },
  params: { n: "u32", targetN: "u32" },
};
const normsKernel: Kernel = {
  name: "lars_norms",
  files: { ...wgsl.workgroup, ...wgsl.step, "optim/lars_norms.wgsl": normsCode },
  bindings: {
    theta: "read",
    gradient: "read",
    scales: "read",
    pieces: "read",
    sums: "read_write",
    step: "uniform",
  },
  params: { count: "u32", first: "u32", block: "u32" },
};
const trustKernel: Kernel = {
  name: "lars_trust",
  files: { ...wgsl.workgroup, ...wgsl.step, ...wgsl.nan, "optim/lars_trust.wgsl": trustCode },
  bindings: { sums: "read", spans: "read", ratios: "read_write", step: "uniform" },
  params: { coefficient: "f32", parameters: "u32" },
};
const spreadKernel: Kernel = {
  name: "lars_spread",
  files: { ...wgsl.workgroup, "optim/lars_spread.wgsl": spreadCode },
  bindings: { ratios: "read", owners: "read", scales: "read_write" },
  params: { blocks: "u32" },
};

/** Parameters per workgroup of the trust kernel (PARAMETERS there). */
const PARAMETERS_PER_GROUP = 4;

/** Part of a flat parameter store, with the tables of the kernels. A block has 64 elements. */
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

/**
 * sums [all pieces, 2] = Σ θ² and Σ (g + λ·θ)² of the pieces `first` … `first` + `count` − 1, all of them in the slice,
 * which begins at block `block`.
 *
 * @param tensors `pieces` [all pieces, 2] (u32): first block and number of blocks of a run within one parameter.
 */
export function larsNorms(
  tape: Tape,
  tensors: ParameterSlice & { pieces: Tensor; sums: Tensor },
  { count, first, block }: { count: number; first: number; block: number },
): void {
  const bytes = 4 * 2 * sizeOf(tensors.theta.shape);
  tape.dispatch(normsKernel, {
    tensors: { ...tensors },
    params: { count, first, block },
    grid: tape.grid(count),
    bytes,
  });
}

/**
 * The trust ratios `coefficient` · ‖θ‖ / ‖g + λ·θ‖ of all parameters, into `scales` of each of their blocks. With `clip`,
 * they are divided by lr and at most 1.
 *
 * @param tensors `sums` [pieces, 2]; `spans` [parameters, 4] (u32): first piece and number of pieces of each parameter,
 * 1 if it is adapted, 0; `ratios` [parameters]; `owners` [blocks] (u32): each block's parameter; `scales` [blocks, 2].
 */
export function larsTrust(
  tape: Tape,
  { sums, spans, ratios, owners, scales, step }: Readonly<
    Record<"sums" | "spans" | "ratios" | "owners" | "scales" | "step", Tensor>
  >,
  { coefficient, clip }: { coefficient: number; clip: boolean },
): void {
  const [parameters] = spans.shape, [blocks] = owners.shape;
  tape.dispatch(trustKernel, {
    tensors: { sums, spans, ratios, step },
    params: { coefficient, parameters },
    grid: tape.grid(Math.ceil(parameters / PARAMETERS_PER_GROUP)),
    constants: { CLIP: Number(clip) },
  });
  tape.dispatch(spreadKernel, {
    tensors: { ratios, owners, scales },
    params: { blocks },
    grid: tape.grid(Math.ceil(blocks / 64)),
  });
}

/** What an update of networks that compute with float16 copies of their weights also binds. */
export interface Copies {
  /** The copies of θ and ξ, [n] and as many elements as `xi`; written with the new values. */
  thetaCopy: Tensor;
  xiCopy: Tensor;
  /** The state of the loss scale: if the gradients overflowed, nothing is updated. */
  lossScale: Tensor;
}

/**
 * v ← momentum · v + trust · (g + λ·θ); θ ← θ − lr · v; and for the first `paired` elements ξ ← τ·ξ + (1 − τ)·θ with the
 * new θ. `ema` = false compiles without the average, for targets that do not follow. With `nesterov`,
 * θ ← θ − lr · (trust · (g + λ·θ) + momentum · v) in place of the second.
 */
export function updateParameters(
  tape: Tape,
  tensors: ParameterSlice & { velocity: Tensor; xi: Tensor; copies?: Copies | null },
  { paired, ema, nesterov }: { paired: number; ema: boolean; nesterov: boolean },
): void {
  const n = sizeOf(tensors.theta.shape), { copies, ...others } = tensors;
  // g, θ, v and ξ are read, the last three written, and the copies of θ and ξ.
  const words = 5 * n + (ema ? 2 * paired : 0) + (copies ? n + (ema ? paired : 0) : 0) / 2;
  tape.dispatch(copies ? updateWithCopiesKernel : updateKernel, {
    tensors: { ...others, ...copies },
    params: { n, targetN: paired },
    grid: tape.grid(Math.ceil(n / 4 / 64)),
    constants: { EMA: Number(ema), NESTEROV: Number(nesterov) },
    bytes: 4 * words,
  });
}
