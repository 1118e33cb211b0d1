/**
 * The loss scale, by which gradients that float16 would round to 0 are kept (Micikevicius et al. 2018). It is decided on the
 * GPU: nobody waits for it.
 *
 * @module
 */
import unscaleCode from "../../kernels/optim/unscale.wgsl" with { type: "text" };
import scaleCode from "../../kernels/optim/loss_scale.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import type { Tape } from "../graph/tape.ts";
import { sizeOf, type Tensor } from "../graph/tensor.ts";

const unscaleKernel: Kernel = {
  name: "unscale",
  files: { ...wgsl.workgroup, ...wgsl.lossScale, "optim/unscale.wgsl": unscaleCode },
  bindings: { gradient: "read_write", lossScale: "read_write" },
  params: { n: "u32" },
};
const scaleKernel: Kernel = {
  name: "loss_scale",
  files: { ...wgsl.step, ...wgsl.lossScale, "optim/loss_scale.wgsl": scaleCode },
  bindings: { lossScale: "read_write", ring: "read_write", step: "uniform" },
  params: { growth: "f32" },
};

/** Words of the state of a loss scale, as `kernels/parts/loss_scale.wgsl` names them. */
export const LOSS_SCALE_WORDS = 8;

/** The state at the scale `scale`, a power of two, after no steps. */
export function initialLossScale(scale: number): Float32Array<ArrayBuffer> {
  return Float32Array.of(scale, 1 / scale, 0, 0, 0, 0, 0, 0);
}

/** Divides `gradient` [n] by the scale, and notes in its state `lossScale` if an element is not finite. */
export function unscale(tape: Tape, tensors: { gradient: Tensor; lossScale: Tensor }): void {
  const n = sizeOf(tensors.gradient.shape);
  tape.dispatch(unscaleKernel, { tensors, params: { n }, grid: tape.grid(Math.ceil(n / 4 / 64)) });
}

/**
 * Ends a step: writes its scale and whether it was skipped to its slot of `ring` [slots, 2], and halves the scale after an
 * overflow; after `growth` steps in a row without one, doubles it.
 *
 * @param options `growth`: null for a scale that stays.
 */
export function adjustLossScale(
  tape: Tape,
  tensors: { lossScale: Tensor; ring: Tensor; step: Tensor },
  { growth }: { growth: number | null },
): void {
  tape.dispatch(scaleKernel, {
    tensors,
    params: { growth: growth ?? 0 },
    grid: [1, 1, 1],
    constants: { DYNAMIC: Number(growth !== null) },
  });
}
