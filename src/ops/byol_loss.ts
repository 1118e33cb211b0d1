/**
 * BYOL's loss with its gradient, and the scalars that a step reports.
 *
 * @module
 */
import lossCode from "../../kernels/byol_loss.wgsl" with { type: "text" };
import normalizeCode from "../../kernels/normalize_rows.wgsl" with { type: "text" };
import metricsCode from "../../kernels/step_metrics.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import type { Tape } from "../graph/tape.ts";
import { expectShape, type Tensor } from "../graph/tensor.ts";
import { channelMoments } from "./channel_parts.ts";

const lossKernel: Kernel = {
  name: "byol_loss",
  code: lossCode,
  bindings: { q: "read", z: "read", dq: "read_write", losses: "read_write" },
  params: { N: "u32", D: "u32", eps: "f32" },
};
const normalizeKernel: Kernel = {
  name: "normalize_rows",
  code: normalizeCode,
  bindings: { x: "read", y: "read_write" },
  params: { M: "u32", D: "u32", eps: "f32" },
};
const metricsKernel: Kernel = {
  name: "step_metrics",
  code: metricsCode,
  bindings: { losses: "read", partials: "read", ring: "read_write", step: "uniform" },
  params: { N: "u32", D: "u32", parts: "u32", length: "u32" },
};

/** A row shorter than this has no direction; PyTorch's cosine similarity and normalise guard alike. */
const EPS = 1e-8;

/**
 * The l2-normalised mean squared error between the online network's predictions of one view and the target network's
 * projections of the other, both ways: L = (1 / N) Σ_i 2 − 2·cos(q_i, z'_j). The gradient of `q` is accumulated on the
 * tape, so that {@linkcode Tape.backward} starts here; `target` gets none.
 *
 * @param q [2N, D], view 1 then view 2, D a multiple of 4; `target` [2N, D].
 * @returns losses [2N]: each row's term, 0 for equal directions … 4 for opposite ones.
 */
export function byolLoss(tape: Tape, { q, target }: { q: Tensor; target: Tensor }): Tensor {
  const [rows, D] = q.shape;
  expectShape("byolLoss", q, {
    condition: q.shape.length === 2 && rows % 2 === 0 && D % 4 === 0,
    expected: "be [2N, D], D a multiple of 4",
  });
  expectShape("byolLoss", target, {
    condition: target.shape.join() === q.shape.join(),
    expected: `be shaped as the predictions, [${q.shape.join(", ")}]`,
  });
  const losses = tape.tensor("losses", [rows]);
  const dq = tape.tensor("dq", q.shape);
  tape.dispatch(lossKernel, {
    tensors: { q, z: target, dq, losses },
    params: { N: rows / 2, D, eps: EPS },
    grid: tape.grid(Math.ceil(rows / 8)),
  });
  tape.accumulate(q, dq);
  return losses;
}

/**
 * Writes (loss, z_std) to the slot of `ring` that the step's scalars name. The loss is the sum of both terms averaged
 * over the batch, 0 … 8; z_std is the standard deviation over the batch of the normalised projections `z` [2N, D],
 * averaged over D: 1/√D when they are spread evenly, 0 when they have collapsed.
 */
export function stepMetrics(
  tape: Tape,
  { losses, z, ring, step }: { losses: Tensor; z: Tensor; ring: Tensor; step: Tensor },
): void {
  const [rows, D] = z.shape;
  const normalized = tape.tensor("normalised projections", z.shape);
  tape.dispatch(normalizeKernel, {
    tensors: { x: z, y: normalized },
    params: { M: rows, D, eps: EPS },
    grid: tape.grid(Math.ceil(rows / 8)),
  });
  const { partials, parts, length } = channelMoments(tape, {
    rows: { G: 1, M: rows, C: D },
    x: normalized,
    name: "moments of the projections",
  });
  tape.dispatch(metricsKernel, {
    tensors: { losses, partials, ring, step },
    params: { N: rows / 2, D, parts, length },
    grid: [1, 1, 1],
  });
}
