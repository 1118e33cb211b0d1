/**
 * BYOL's loss with its gradient.
 *
 * @module
 */
import code from "../../kernels/loss/byol_loss.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import type { Tape } from "../graph/tape.ts";
import { expectShape, type Tensor } from "../graph/tensor.ts";
import { EPS } from "./normalize_rows.ts";

const kernel: Kernel = {
  name: "byol_loss",
  files: { ...wgsl.workgroup, ...wgsl.nan, "loss/byol_loss.wgsl": code },
  bindings: { q: "read", z: "read", dq: "read_write", losses: "read_write" },
  params: { N: "u32", D: "u32", eps: "f32" },
};

/**
 * The l2-normalized mean squared error between the online network's predictions of one view and the target network's
 * projections of the other, in both directions: L = (1 / N) Σ_i 2 − 2·cos(q_i, z'_j). The gradient of `q` is accumulated on the
 * tape, where {@linkcode Tape.backward} starts; `target` gets one only if `shared`.
 *
 * @param q [2N, D], view 1 then view 2, D a multiple of 4; `target` [2N, D].
 * @returns losses [2N]: each row's term, 0 for equal directions … 4 for opposite ones.
 */
export function byolLoss(
  tape: Tape,
  { q, target, shared = false }: { q: Tensor; target: Tensor; shared?: boolean },
): Tensor {
  const [rows, D] = q.shape;
  expectShape("byolLoss", q, {
    condition: q.shape.length === 2 && rows % 2 === 0 && D % 4 === 0,
    expected: "be [2N, D], D a multiple of 4",
  });
  expectShape("byolLoss", target, {
    condition: target.shape.join() === q.shape.join(),
    expected: `be shaped as the predictions, [${q.shape.join(", ")}]`,
  });
  /** The terms of each row of `a`, whose gradient is accumulated. */
  const oneDirection = (a: Tensor, b: Tensor) => {
    const losses = tape.tensor("losses", [rows]);
    const da = tape.tensor("dq", q.shape);
    tape.dispatch(kernel, {
      tensors: { q: a, z: b, dq: da, losses },
      params: { N: rows / 2, D, eps: EPS },
      grid: tape.grid(Math.ceil(rows / 8)),
    });
    tape.accumulate(a, da);
    return losses;
  };
  const losses = oneDirection(q, target);
  // Each pair of rows occurs once, and the cosine is symmetric: with the sides swapped the terms are the same.
  if (shared) oneDirection(target, q);
  return losses;
}
