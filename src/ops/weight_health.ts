/**
 * The health metrics of the weights: the norm of the gradient, and the cosine of online and target weights.
 *
 * @module
 */
import code from "../../kernels/metrics/weight_health.wgsl" with { type: "text" };
import joinCode from "../../kernels/metrics/weight_health_join.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import type { Tape } from "../graph/tape.ts";
import { slice, type Tensor } from "../graph/tensor.ts";

const kernel: Kernel = {
  name: "weight_health",
  files: { ...wgsl.workgroup, "metrics/weight_health.wgsl": code },
  bindings: { gradient: "read", theta: "read", xi: "read", sums: "read_write" },
  params: { blocks: "u32", paired: "u32", first: "u32", chunks: "u32" },
};
const joinKernel: Kernel = {
  name: "weight_health_join",
  files: { ...wgsl.step, "metrics/weight_health_join.wgsl": joinCode },
  bindings: { sums: "read", ring: "read_write", step: "uniform" },
  params: { chunks: "u32" },
};

/** Blocks of 64 elements per workgroup; CHUNK in the kernel. */
const BLOCKS_PER_CHUNK = 128;

/**
 * Writes the l2 norm of the gradient, and the cosine of the first weights to those of the target, to the slot of `ring`
 * [slots, 4] that the step's scalars name.
 *
 * @param tensors `gradient` and `theta` [blocks, 64]; `xi` [fewer blocks, 64], or null without a target: the cosine is 0.
 */
export function weightHealth(
  tape: Tape,
  { gradient, theta, xi, ring, step }: {
    gradient: Tensor;
    theta: Tensor;
    xi: Tensor | null;
    ring: Tensor;
    step: Tensor;
  },
): void {
  const pieces = tape.pieces({ gradient, theta }).map(({ tensors, row }) => {
    const blocks = tensors.theta.shape[0];
    const paired = xi ? Math.max(0, Math.min(blocks, xi.shape[0] - row)) : 0;
    return { tensors, row, blocks, paired, chunks: Math.ceil(blocks / BLOCKS_PER_CHUNK) };
  });
  const all = pieces.reduce((sum, { chunks }) => sum + chunks, 0);
  const sums = tape.tensor("sums of weights", [all, 4]);
  let first = 0;
  for (const { tensors, row, blocks, paired, chunks } of pieces) {
    tape.dispatch(kernel, {
      tensors: {
        ...tensors,
        // Where no weight has a target, the weights are bound in its place.
        xi: paired > 0 ? slice(xi!, { begin: row, end: row + paired }) : tensors.theta,
        sums,
      },
      params: { blocks, paired, first, chunks },
      grid: tape.grid(chunks),
    });
    first += chunks;
  }
  tape.dispatch(joinKernel, { tensors: { sums, ring, step }, params: { chunks: all }, grid: [1, 1, 1] });
}
