/**
 * Rows of length 1.
 *
 * @module
 */
import code from "../../kernels/loss/normalize_rows.wgsl" with { type: "text" };
import backwardCode from "../../kernels/loss/normalize_rows_backward.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import type { Tape } from "../graph/tape.ts";
import { expectShape, type Tensor } from "../graph/tensor.ts";

const kernel: Kernel = {
  name: "normalize_rows",
  files: { ...wgsl.workgroup, ...wgsl.nan, "loss/normalize_rows.wgsl": code },
  bindings: { x: "read", y: "read_write" },
  params: { M: "u32", P: "u32", D: "u32", eps: "f32" },
};
const backwardKernel: Kernel = {
  name: "normalize_rows_backward",
  files: { ...wgsl.workgroup, ...wgsl.nan, "loss/normalize_rows_backward.wgsl": backwardCode },
  bindings: { x: "read", dy: "read", dx: "read_write" },
  params: { M: "u32", D: "u32", eps: "f32" },
};

/** Rows are divided by at least this length, as in PyTorch's cosine similarity and normalize. */
export const EPS = 1e-8;

/**
 * y[i] = x[i] / ‖x[i]‖
 *
 * @param x [M, D], D a multiple of 4. `rows`: of the result, by default M; additional ones are 0, and their gradient is
 * ignored.
 * @returns y [rows, D]
 */
export function normalizeRows(
  tape: Tape,
  { x, name, rows }: { x: Tensor; name: string; rows?: number },
): Tensor {
  const [M, D] = x.shape, P = rows ?? M;
  expectShape("normalizeRows", x, {
    condition: x.shape.length === 2 && D % 4 === 0 && M <= P,
    expected: `be [M, D], M at most ${P}, D a multiple of 4`,
  });
  const y = tape.tensor(name, [P, D]);
  tape.dispatch(kernel, {
    tensors: { x, y },
    params: { M, P, D, eps: EPS },
    grid: tape.grid(Math.ceil(P / 8)),
  });
  tape.recordBackward(y, (dy) => {
    if (!tape.needsGradient(x)) return;
    const dx = tape.tensor(`${name}.dx`, x.shape);
    tape.dispatch(backwardKernel, {
      tensors: { x, dy, dx },
      params: { M, D, eps: EPS },
      grid: tape.grid(Math.ceil(M / 8)),
    });
    tape.accumulate(x, dx);
  });
  return y;
}
