/**
 * The sum of partial results, in their order.
 *
 * @module
 */
import code from "../../kernels/sum_parts.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import type { Tape } from "../graph/tape.ts";
import { sizeOf, type Tensor } from "../graph/tensor.ts";

const kernel: Kernel = {
  name: "sum_parts",
  code,
  bindings: { parts: "read", total: "read_write" },
  params: { n: "u32", parts: "u32", more: "u32" },
};

/**
 * total[i] = Σ_part parts[part, i]; the first axis of `parts` counts them, the size of `total` is a multiple of 4. With
 * `more`, the sum goes on from what `total` holds.
 */
export function sumParts(
  tape: Tape,
  { parts, total, more = false }: { parts: Tensor; total: Tensor; more?: boolean },
): void {
  const n = sizeOf(total.shape);
  for (const piece of tape.pieces({ parts })) {
    tape.dispatch(kernel, {
      tensors: { ...piece.tensors, total },
      params: { n, parts: piece.tensors.parts.shape[0], more: Number(more || piece.first > 0) },
      grid: tape.grid(Math.ceil(n / 4 / 64)),
    });
  }
}
