/**
 * What a configuration would use, in words, without allocating it.
 *
 * @module
 */
import { traceTraining, type TrainerOptions } from "./byol/trainer.ts";
import { openGpu } from "./gpu/device.ts";
import { planMemory } from "./graph/plan.ts";
import { targetOf } from "./graph/target.ts";

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1).padStart(10)} MB`;

/**
 * A table of the bytes that training with `options` takes, by category: on the machine's adapter, whose kernels decide
 * whether textures are copied, or without one on any.
 */
export async function planReport(options: TrainerOptions): Promise<string> {
  using gpu = await openGpu().catch(() => null);
  const { step, networks } = traceTraining(options, targetOf(gpu));
  const { bytes, total, largest } = planMemory(step.dispatches);
  const parameters = networks.online.network.parameters.variables.reduce(
    (sum, { layout }) => sum + layout.torchShape.reduce((a, b) => a * b),
    0,
  );
  const { batch, size } = options;
  const rows = [...bytes].sort(([, a], [, b]) => b - a);
  const line = (what: string, n: number) => `  ${what.padEnd(14)} ${megabytes(n)}`;
  const refused = gpu && largest.bytes > gpu.limits.maxBinding
    ? `, more than the ${
      megabytes(gpu.limits.maxBinding).trim()
    } that this adapter allows: the run would be refused`
    : "";
  return [
    `Plan for ${batch} images of ${size} × ${size} pixels in two views, on ${gpu?.name ?? "any adapter"}:`,
    ...rows.map(([category, n]) => line(category, n)),
    line("total", total),
    `The online network has ${
      parameters.toLocaleString("en")
    } parameters, a step ${step.dispatches.length} dispatches.`,
    `The largest binding is ${largest.name} with ${megabytes(largest.bytes).trim()}${refused}.`,
  ].join("\n");
}
