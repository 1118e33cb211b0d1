/**
 * Global average pooling.
 *
 * @module
 */
import code from "../../kernels/pooling/global_average_pool.wgsl" with { type: "text" };
import backwardCode from "../../kernels/pooling/global_average_pool_backward.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import type { Tape } from "../graph/tape.ts";
import { expectShape, type Tensor } from "../graph/tensor.ts";

const params: Kernel["params"] = { N: "u32", M: "u32", C: "u32" };
const forwardKernel: Kernel = {
  name: "global_average_pool",
  files: { ...wgsl.workgroup, "pooling/global_average_pool.wgsl": code },
  bindings: { x: "read", y: "read_write" },
  aliases: { Stored: ["x"], Result: ["y"] },
  params,
};
const backwardKernel: Kernel = {
  name: "global_average_pool_backward",
  files: { ...wgsl.workgroup, "pooling/global_average_pool_backward.wgsl": backwardCode },
  bindings: { dy: "read", dx: "read_write" },
  aliases: { Stored: ["dy"], Result: ["dx"] },
  params,
};

/** y[n,c] = the mean of x[n,h,w,c] over h and w. x [N, H, W, C] with C a multiple of 4; y [N, C]. */
export function globalAveragePool(tape: Tape, { x, name }: { x: Tensor; name: string }): Tensor {
  const [N, H, W, C] = x.shape;
  expectShape("globalAveragePool", x, {
    condition: x.shape.length === 4 && C % 4 === 0,
    expected: "be [N, H, W, C], C a multiple of 4",
  });
  const y = tape.tensor(`${name}.y`, [N, C], x.type);
  const M = H * W;
  for (const { tensors } of tape.pieces({ x, y })) {
    const [N] = tensors.y.shape;
    tape.dispatch(forwardKernel, {
      tensors,
      params: { N, M, C },
      grid: tape.grid(Math.ceil(N * C / 4 / 64)),
    });
  }
  tape.recordBackward(y, (dy) => {
    const dx = tape.tensor(`${name}.dx`, x.shape, x.type);
    for (const { tensors } of tape.pieces({ dy, dx })) {
      const [N] = tensors.dx.shape;
      tape.dispatch(backwardKernel, {
        tensors,
        params: { N, M, C },
        grid: tape.grid(Math.ceil(N * M * C / 4 / 64)),
      });
    }
    tape.accumulate(x, dx);
  });
  return y;
}
