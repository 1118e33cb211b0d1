/**
 * The pairs of rows and columns whose cosine reaches a threshold.
 *
 * @module
 */
import code from "../../kernels/metrics/pairs_above.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import type { DispatchList } from "../graph/dispatch_list.ts";
import { expectShape, type Tensor } from "../graph/tensor.ts";

const kernel: Kernel = {
  name: "pairs_above",
  files: { ...wgsl.workgroup, "metrics/pairs_above.wgsl": code },
  bindings: { cosines: "read", rows: "read", columns: "read", found: "read_write" },
  params: { M: "u32", N: "u32", capacity: "u32", threshold: "f32" },
};

/**
 * Appends all (m, n) with cosines[m, n] ≥ `threshold` and rows[m] ≠ columns[n] to `found`: its first word counts them, then each
 * has three words, m, n and the bits of the cosine. Those that do not fit are only counted. The order varies.
 *
 * @param tensors `cosines` [M, N], N a multiple of 4, not larger than a binding; `rows` [M] and `columns` [N] of u32; `found`
 * [1 + 3 · capacity] of u32, whose first word must be 0.
 */
export function pairsAbove(
  list: DispatchList,
  { threshold, ...tensors }: {
    cosines: Tensor;
    rows: Tensor;
    columns: Tensor;
    found: Tensor;
    threshold: number;
  },
): void {
  const { cosines, rows, columns, found } = tensors, [M, N] = cosines.shape;
  const capacity = Math.floor((found.shape[0] - 1) / 3);
  expectShape("pairsAbove", cosines, {
    condition: cosines.shape.length === 2 && N % 4 === 0 && rows.shape[0] === M && columns.shape[0] === N,
    expected: `be [${rows.shape}, ${columns.shape}], the second a multiple of 4`,
  });
  list.dispatch(kernel, {
    tensors,
    params: { M, N, capacity, threshold },
    grid: list.grid(Math.ceil(M * N / 4 / 64)),
  });
}
