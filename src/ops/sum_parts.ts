/**
 * The sum of partial results, in their order.
 *
 * @module
 */
import code from "../../kernels/arithmetic/sum_parts.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import type { DispatchList } from "../graph/dispatch_list.ts";
import { sizeOf, type Tensor } from "../graph/tensor.ts";

const kernel: Kernel = {
  name: "sum_parts",
  files: { ...wgsl.workgroup, "arithmetic/sum_parts.wgsl": code },
  bindings: { parts: "read", total: "read_write" },
  aliases: { Stored: ["parts"], Result: ["total"] },
  params: { n: "u32", parts: "u32", more: "u32" },
};

/**
 * total[i] = Σ_part parts[part, i]; the first axis of `parts` counts them, the size of `total` is a multiple of 4. With
 * `more`, the sum is added to `total`.
 */
export function sumParts(
  list: DispatchList,
  { parts, total, more = false }: { parts: Tensor; total: Tensor; more?: boolean },
): void {
  const n = sizeOf(total.shape);
  for (const piece of list.pieces({ parts })) {
    list.dispatch(kernel, {
      tensors: { ...piece.tensors, total },
      params: { n, parts: piece.tensors.parts.shape[0], more: Number(more || piece.first > 0) },
      grid: list.grid(Math.ceil(n / 4 / 64)),
    });
  }
}
