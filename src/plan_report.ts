/**
 * What a configuration would use, in words, without allocating it.
 *
 * @module
 */
import { traceTraining, type TrainerOptions } from "./byol/trainer.ts";
import { DEFAULT_LIMITS } from "./gpu/device.ts";
import { planMemory } from "./graph/plan.ts";

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1).padStart(10)} MB`;

/** A table of the bytes that training with `options` takes on a GPU, by category. */
export function planReport(options: TrainerOptions): string {
  // The kernels for subgroups of 8 need not exist here: all variants bind the same tensors.
  const { step, networks } = traceTraining(options, { ...DEFAULT_LIMITS, subgroupSize: 0 });
  const { bytes, total, largest } = planMemory(step.dispatches);
  const parameters = networks.online.network.parameters.variables.reduce(
    (sum, { layout }) => sum + layout.torchShape.reduce((a, b) => a * b),
    0,
  );
  const { batch, size } = options;
  return [
    `Plan for ${batch} images of ${size} × ${size} pixels in two views, ${
      parameters.toLocaleString("en")
    } parameters online`,
    ...[...bytes].sort(([, a], [, b]) => b - a).map(([category, n]) =>
      `  ${category.padEnd(13)} ${megabytes(n)}`
    ),
    `  ${"total".padEnd(13)} ${megabytes(total)}`,
    `Largest binding: ${
      megabytes(largest.bytes).trim()
    }, ${largest.name}. A step is ${step.dispatches.length} dispatches in one submit.`,
  ].join("\n");
}
