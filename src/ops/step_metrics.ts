/**
 * The metrics of a step's batch.
 *
 * @module
 */
import code from "../../kernels/metrics/step_metrics.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import type { Tape } from "../graph/tape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { channelMoments } from "./channel_parts.ts";
import { normalizeRows } from "./normalize_rows.ts";

const kernel: Kernel = {
  name: "step_metrics",
  files: { ...wgsl.step, ...wgsl.moments, "metrics/step_metrics.wgsl": code },
  bindings: { losses: "read", partials: "read", ring: "read_write", step: "uniform" },
  params: { N: "u32", D: "u32", parts: "u32", length: "u32", share: "f32" },
};

/**
 * Writes (loss, z_std) to the slot of `ring` [slots, 4] that the step's scalars name. The loss is the sum of both terms
 * averaged over the batch; z_std is the standard deviation over the batch of the normalized projections `z` [2N, D],
 * averaged over D: 1/√D when they are spread evenly, 0 when they have collapsed. `batches`: the number of batches of
 * a step, which reports their mean.
 */
export function stepMetrics(
  tape: Tape,
  { losses, z, ring, step }: { losses: Tensor; z: Tensor; ring: Tensor; step: Tensor },
  { batches }: { batches: number },
): void {
  const [rows, D] = z.shape;
  const normalized = tape.noGrad(() => normalizeRows(tape, { x: z, name: "normalized projections" }));
  const { partials, parts, length } = channelMoments(tape, {
    rows: { G: 1, M: rows, C: D },
    x: normalized,
    name: "moments of the projections",
  });
  tape.dispatch(kernel, {
    tensors: { losses, partials, ring, step },
    params: { N: rows / 2, D, parts, length, share: 1 / batches },
    grid: [1, 1, 1],
  });
}
