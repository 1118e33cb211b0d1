/**
 * What a configuration would use, in words, without allocating it.
 *
 * @module
 */
import type { TrainerOptions } from "../byol/trainer.ts";
import { IMAGES_PER_READ, traceFeatures } from "../eval/features.ts";
import { fitOf, refusal } from "../byol/fit.ts";
import { DEFAULT_LIMITS, type Gpu } from "../gpu/device.ts";
import { gatheringBytes } from "../gpu/gathered_rows.ts";
import { planMemory } from "../graph/plan.ts";
import { targetOf } from "../graph/kernel_choice.ts";

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

/**
 * A table of the bytes that training with `options` takes, by category: on the adapter of `gpu`, whose kernels decide
 * whether textures are copied, or without one on any. What would be refused is told, with the largest batch that fits.
 *
 * @param evaluation Images of a batch when the encoder is evaluated.
 */
export function planReport(
  gpu: Gpu | null,
  options: TrainerOptions,
  { evaluation }: { evaluation: number },
): string {
  const machine = { target: targetOf(gpu, options.pick), limits: gpu?.limits ?? DEFAULT_LIMITS };
  const { batch, size } = options;
  const { trace, plan, obstacle } = fitOf(options, machine);
  const lines = [
    `Plan for ${batch} images of ${size} × ${size} pixels in two views, on ${gpu?.name ?? "any adapter"}:`,
  ];
  if (trace && plan) {
    const { bytes, total, largest, dispatches } = plan;
    const recomputed = dispatches.length - trace.step.dispatches.length;
    const { network, encoder } = trace.networks.online;
    const line = (what: string, n: number) => `  ${what.padEnd(14)} ${megabytes(n).padStart(13)}`;
    const parameters = network.parameters.variables.reduce(
      (sum, { layout }) => sum + layout.torchShape.reduce((a, b) => a * b),
      0,
    );
    const features = traceFeatures(machine.target, {
      encoder,
      batch: evaluation,
      size,
      loading: options.loading,
    });
    const beside = planMemory(features.dispatches, [features.features]);
    const gathering = { dims: features.features.shape[1], batch: evaluation, rows: IMAGES_PER_READ };
    const own = gatheringBytes(gathering) + beside.total - (beside.bytes.get("parameters") ?? 0) -
      (beside.bytes.get("statistics") ?? 0);
    lines.push(
      ...[...bytes].sort(([, a], [, b]) => b - a).map(([category, n]) => line(category, n)),
      line("total", total),
      `The online network has ${
        parameters.toLocaleString("en")
      } parameters, a step ${dispatches.length} dispatches.`,
      ...recomputed > 0
        ? [`Of these ${recomputed} make activations again instead of keeping them: see --recompute.`]
        : [],
      `The largest binding is ${largest.name} with ${megabytes(largest.bytes)}. ` +
        `Evaluation, if there are labels, takes ${megabytes(own)} more.`,
    );
  }
  if (obstacle) lines.push(`The run would be refused: ${refusal(obstacle, options, machine)}`);
  return lines.join("\n");
}
