/**
 * The mean of the gradients of several batches, one batch at a time.
 *
 * @module
 */
import code from "../../kernels/optim/accumulate.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import type { Tape } from "../graph/tape.ts";
import { sizeOf, type Tensor } from "../graph/tensor.ts";

const kernel: Kernel = {
  name: "accumulate",
  files: { ...wgsl.workgroup, ...wgsl.step, "optim/accumulate.wgsl": code },
  bindings: { addend: "read", mean: "read_write", step: "uniform" },
  params: { n: "u32", share: "f32" },
};

/**
 * mean[i] += from[i] / batches, starting at 0 for the first batch of a step, which the step's scalars say.
 *
 * @param tensors `mean` and `from` [blocks, 64]; `step`: the step's scalars.
 */
export function accumulateMean(
  tape: Tape,
  { mean, from, step }: { mean: Tensor; from: Tensor; step: Tensor },
  { batches }: { batches: number },
): void {
  for (const { tensors } of tape.pieces({ mean, addend: from })) {
    const n = sizeOf(tensors.mean.shape);
    tape.dispatch(kernel, {
      tensors: { ...tensors, step },
      params: { n, share: 1 / batches },
      grid: tape.grid(Math.ceil(n / 4 / 64)),
    });
  }
}
