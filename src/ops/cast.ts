/**
 * Between float32 and float16.
 *
 * @module
 */
import castCode from "../../kernels/arithmetic/cast.wgsl" with { type: "text" };
import scaleCode from "../../kernels/loss/scale_gradient.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import type { DispatchList } from "../graph/dispatch_list.ts";
import type { Tape } from "../graph/tape.ts";
import { sizeOf, type Tensor, typeOf } from "../graph/tensor.ts";

const castKernel: Kernel = {
  name: "cast",
  files: { ...wgsl.workgroup, "arithmetic/cast.wgsl": castCode },
  bindings: { x: "read", y: "read_write" },
  aliases: { Stored: ["x"], Result: ["y"] },
  params: { n: "u32" },
};
const scaleKernel: Kernel = {
  name: "scale_gradient",
  files: { ...wgsl.workgroup, ...wgsl.lossScale, "loss/scale_gradient.wgsl": scaleCode },
  bindings: { dy: "read", lossScale: "read", dx: "read_write" },
  aliases: { Result: ["dx"] },
  params: { n: "u32" },
};

/** y[i] = x[i] in the type of y, rounded to the nearest. Sizes are equal multiples of 4. */
export function cast(list: DispatchList, { x, y }: { x: Tensor; y: Tensor }): void {
  for (const { tensors } of list.pieces({ x, y })) {
    const n = sizeOf(tensors.y.shape);
    list.dispatch(castKernel, { tensors, params: { n }, grid: list.grid(Math.ceil(n / 4 / 64)) });
  }
}

/**
 * `x` in float32: itself, or a copy of it. The gradient of a copy, times the loss scale, becomes that of `x`; without
 * `lossScale` it ends there.
 *
 * @param x [N, …] of a multiple of 4 elements.
 */
export function toFloat32(tape: Tape, x: Tensor, lossScale?: Tensor): Tensor {
  if (typeOf(x) === "f32") return x;
  const y = tape.tensor(`${x.name} in float32`, x.shape);
  cast(tape, { x, y });
  if (!lossScale) return y;
  tape.recordBackward(y, (dy) => {
    const dx = tape.tensor(`${x.name}.dx`, x.shape, x.type);
    for (const { tensors } of tape.pieces({ dy, dx })) {
      const n = sizeOf(tensors.dx.shape);
      tape.dispatch(scaleKernel, {
        tensors: { ...tensors, lossScale },
        params: { n },
        grid: tape.grid(Math.ceil(n / 4 / 64)),
      });
    }
    tape.accumulate(x, dx);
  });
  return y;
}
