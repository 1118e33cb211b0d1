/**
 * The Gaussian error linear unit (Hendrycks and Gimpel 2016), in its exact form.
 *
 * @module
 */
import code from "../../kernels/activation/gelu.wgsl" with { type: "text" };
import backwardCode from "../../kernels/activation/gelu_backward.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import type { Tape } from "../graph/tape.ts";
import { expectShape, sizeOf, type Tensor } from "../graph/tensor.ts";

const shared = { ...wgsl.workgroup, ...wgsl.normalDistribution } as const;
const forwardKernel: Kernel = {
  name: "gelu",
  files: { ...shared, "activation/gelu.wgsl": code },
  bindings: { x: "read", y: "read_write" },
  aliases: { Stored: ["x"], Result: ["y"] },
  params: { n: "u32" },
  repeatable: true,
};
const backwardKernel: Kernel = {
  name: "gelu_backward",
  files: { ...shared, "activation/gelu_backward.wgsl": backwardCode },
  bindings: { x: "read", dx: "read_write" },
  aliases: { Stored: ["x", "dx"] },
  params: { n: "u32" },
};

/**
 * y = x · Φ(x), Φ being the standard normal distribution.
 *
 * The gradient of y is overwritten and becomes that of x: this op must be its only user.
 *
 * @param x [N, …] of a multiple of 4 elements per row.
 * @returns y, shaped as x.
 */
export function gelu(tape: Tape, { x, name }: { x: Tensor; name: string }): Tensor {
  expectShape("gelu", x, {
    condition: sizeOf(x.shape) / x.shape[0] % 4 === 0,
    expected: "have a multiple of 4 elements per row",
  });
  const y = tape.tensor(`${name}.y`, x.shape, x.type);
  const sweep = (kernel: Kernel, over: Record<string, Tensor>) => {
    for (const { tensors } of tape.pieces(over)) {
      const n = sizeOf(tensors.x.shape);
      tape.dispatch(kernel, { tensors, params: { n }, grid: tape.grid(Math.ceil(n / 4 / 64)) });
    }
  };
  sweep(forwardKernel, { x, y });
  tape.recordBackward(y, (dy) => {
    sweep(backwardKernel, { x, dx: dy });
    tape.accumulate(x, dy);
  });
  return y;
}
