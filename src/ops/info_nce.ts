/**
 * The losses between BYOL's and SimCLR's: the paper's InfoNCE with a weight on the negatives (Grill et al. 2020, section 5
 * and appendix F).
 *
 * The paper maximizes, with B images, views v and v', and S(u, u') the cosine of φ(u) and ψ(u'),
 *
 *     2 / B · Σ_i S(v_i, v'_i) − β · 2α / B · Σ_i ln(Σ_{j≠i} exp(S(v_i, v_j) / α) + Σ_j exp(S(v_i, v'_j) / α))
 *
 * and the same with the views swapped. Its negative plus 4 is this loss, so that β = 0 is BYOL's, the sum of both terms
 * 2 − 2·cos. φ is the online network's last layer, ψ the target's. With β = 1 and φ = ψ it is SimCLR's: 4 + 4α · NT-Xent
 * (Chen et al. 2020), whose gradients are those of NT-Xent times 4α.
 *
 * @module
 */
import code from "../../kernels/loss/info_nce.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import type { Tape } from "../graph/tape.ts";
import { expectShape, originOf, type Tensor } from "../graph/tensor.ts";
import { times, timesTransposed, transposedTimes } from "./matrix_products.ts";
import { normalizeRows } from "./normalize_rows.ts";

const kernel: Kernel = {
  name: "info_nce",
  files: { ...wgsl.workgroup, ...wgsl.nan, "loss/info_nce.wgsl": code },
  bindings: { similarity: "read_write", losses: "read_write" },
  params: { N: "u32", P: "u32", first: "u32", rows: "u32", beta: "f32", alpha: "f32" },
};

/** The operands of the loss, and its weights. */
export interface InfoNceOptions {
  /** φ [2N, D], view 1 then view 2, D a multiple of 4. */
  q: Tensor;
  /** ψ, shaped as φ. It may be the same tensor. */
  target: Tensor;
  /** Whether `target` gets a gradient too. */
  shared: boolean;
  /** The weight β of the negatives, at least 0. */
  negatives: number;
  /** The temperature α, above 0. */
  temperature: number;
}

/**
 * L = (1 / N) Σ_i 2 − 2·s_ij + 2βα · ln Σ_{k≠i} exp(s_ik / α) with the cosines s_ik of row i of `q` and row k of `target`,
 * where row j is the other view of row i's image. The gradients of `q`, and with `shared` that of `target`, are accumulated
 * on the tape, where {@linkcode Tape.backward} starts.
 *
 * @returns losses [2N]: each row's term.
 */
export function infoNce(
  tape: Tape,
  { q, target, shared, negatives, temperature }: InfoNceOptions,
): Tensor {
  const [rows, D] = q.shape;
  expectShape("infoNce", q, {
    condition: q.shape.length === 2 && rows % 2 === 0 && D % 4 === 0,
    expected: "be [2N, D], D a multiple of 4",
  });
  expectShape("infoNce", target, {
    condition: target.shape.join() === q.shape.join(),
    expected: `be shaped as the predictions, [${q.shape.join(", ")}]`,
  });
  // The kernels of products need a multiple of 4 rows.
  const P = Math.ceil(rows / 4) * 4;
  const normalized = (x: Tensor, name: string) => normalizeRows(tape, { x, name, rows: P });
  const phi = normalized(q, "phi");
  const psi = originOf(target) === originOf(q)
    ? phi
    : shared
    ? normalized(target, "psi")
    : tape.noGrad(() => normalized(target, "psi"));

  const similarity = timesTransposed(tape, "similarity", { a: phi, b: psi });
  const losses = tape.tensor("losses", [rows]);
  for (const { tensors, row } of tape.pieces({ similarity })) {
    const count = tensors.similarity.shape[0];
    tape.dispatch(kernel, {
      tensors: { ...tensors, losses },
      params: { N: rows / 2, P, first: row, rows: count, beta: negatives, alpha: temperature },
      grid: tape.grid(count),
    });
  }
  // From here on `similarity` holds its own gradient.
  tape.accumulate(phi, times(tape, "dphi", { a: similarity, b: psi }));
  if (shared) tape.accumulate(psi, transposedTimes(tape, "dpsi", { a: similarity, b: phi }));
  return losses;
}
