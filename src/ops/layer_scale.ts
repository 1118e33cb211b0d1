/**
 * Layer scale (Touvron et al. 2021): each channel of a branch times a learned factor, before it is added to the shortcut.
 *
 * @module
 */
import code from "../../kernels/arithmetic/scale_channels.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import type { Tape } from "../graph/tape.ts";
import { expectShape, sizeOf, type Tensor } from "../graph/tensor.ts";
import { sumChannels } from "./channel_totals.ts";

const kernel: Kernel = {
  name: "scale_channels",
  files: { ...wgsl.workgroup, "arithmetic/scale_channels.wgsl": code },
  bindings: { x: "read", scale: "read", residual: "read", y: "read_write" },
  aliases: { Stored: ["x", "residual"], Result: ["y"] },
  params: { n: "u32", C: "u32" },
  repeatable: true,
};

/**
 * y[…,c] = residual[…,c] + scale[c] · x[…,c]
 *
 * The gradient of y becomes the residual's: this op must be its only user.
 *
 * @param options `x`, `residual`: [N, …, C] with C a multiple of 4; `scale`: [C], whose gradient is written to
 * `scale.gradient`.
 * @returns y, shaped as x.
 */
export function layerScale(
  tape: Tape,
  { x, scale, residual, name }: { x: Tensor; scale: Tensor; residual: Tensor; name: string },
): Tensor {
  const C = x.shape[x.shape.length - 1];
  expectShape("layerScale", x, {
    condition: C === sizeOf(scale.shape) && C % 4 === 0,
    expected: `have ${sizeOf(scale.shape)} channels, a multiple of 4`,
  });
  expectShape("layerScale", residual, {
    condition: residual.shape.join() === x.shape.join(),
    expected: `have the shape of the result, [${x.shape.join(", ")}]`,
  });
  const y = tape.tensor(`${name}.y`, x.shape, x.type);
  const sweep = (over: Record<"x" | "residual" | "y", Tensor>, RESIDUAL: number) => {
    for (const { tensors } of tape.pieces(over)) {
      const n = sizeOf(tensors.y.shape);
      tape.dispatch(kernel, {
        tensors: { ...tensors, scale },
        params: { n, C },
        grid: tape.grid(Math.ceil(n / 4 / 64)),
        constants: { RESIDUAL },
      });
    }
  };
  sweep({ x, residual, y }, 1);
  tape.recordBackward(y, (dy) => {
    if (scale.gradient) {
      sumChannels(tape, { dy, x, second: scale.gradient, name: `${name}.scale partials` });
    }
    const dx = tape.tensor(`${name}.dx`, x.shape, x.type);
    sweep({ x: dy, residual: dy, y: dx }, 0);
    tape.accumulate(x, dx);
    tape.accumulate(residual, dy);
  });
  return y;
}
