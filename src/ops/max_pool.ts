/**
 * Max pooling.
 *
 * @module
 */
import code from "../../kernels/pooling/max_pool.wgsl" with { type: "text" };
import backwardCode from "../../kernels/pooling/max_pool_backward.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import type { Tape } from "../graph/tape.ts";
import { expectShape, sizeOf, type Tensor } from "../graph/tensor.ts";

// deno-fmt-ignore
const params: Kernel["params"] = {
  N: "u32", H: "u32", W: "u32", C: "u32", P: "u32", Q: "u32", window: "u32", stride: "u32", pad: "u32",
};

const forwardKernel: Kernel = {
  name: "max_pool",
  files: { ...wgsl.workgroup, ...wgsl.nan, "pooling/max_pool.wgsl": code },
  bindings: { x: "read", y: "read_write", argmax: "read_write" },
  aliases: { Stored: ["x"], Result: ["y"] },
  params,
};
const backwardKernel: Kernel = {
  name: "max_pool_backward",
  files: { ...wgsl.workgroup, "pooling/max_pool_backward.wgsl": backwardCode },
  bindings: { dy: "read", argmax: "read", dx: "read_write" },
  aliases: { Stored: ["dy"], Result: ["dx"] },
  params,
};

/**
 * y[n,p,q,c] = the maximum of x over a `window` × `window` square; of equal values the first gets the gradient.
 *
 * @param x [N, H, W, C] with C a multiple of 4; `pad` is less than `window`.
 * @returns y [N, P, Q, C]
 */
export function maxPool(
  tape: Tape,
  { x, window, stride, pad, name }: { x: Tensor; window: number; stride: number; pad: number; name: string },
): Tensor {
  const [N, H, W, C] = x.shape;
  expectShape("maxPool", x, {
    condition: x.shape.length === 4 && C % 4 === 0,
    expected: "be [N, H, W, C], C a multiple of 4",
  });
  const P = Math.floor((H + 2 * pad - window) / stride) + 1;
  const Q = Math.floor((W + 2 * pad - window) / stride) + 1;
  const y = tape.tensor(`${name}.y`, [N, P, Q, C], x.type);
  const argmax = tape.tensor(`${name}.argmax`, y.shape);
  const geometry = { H, W, C, P, Q, window, stride, pad };
  for (const { tensors } of tape.pieces({ x, y, argmax })) {
    tape.dispatch(forwardKernel, {
      tensors,
      params: { N: tensors.y.shape[0], ...geometry },
      grid: tape.grid(Math.ceil(sizeOf(tensors.y.shape) / 4 / 64)),
    });
  }
  tape.recordBackward(y, (dy) => {
    const dx = tape.tensor(`${name}.dx`, x.shape, x.type);
    for (const { tensors } of tape.pieces({ dy, argmax, dx })) {
      tape.dispatch(backwardKernel, {
        tensors,
        params: { N: tensors.dx.shape[0], ...geometry },
        grid: tape.grid(Math.ceil(sizeOf(tensors.dx.shape) / 4 / 64)),
      });
    }
    tape.accumulate(x, dx);
  });
  return y;
}
