/**
 * The plan of a run as text.
 *
 * @module
 */
import type { RunPlan, StepPlan } from "./plan.ts";

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

/** `plan` as a table of bytes by category, with what a step consists of, and why it would be refused. */
export function formatPlan({ adapter, batch, size, precision, step, refusal }: RunPlan): string {
  const how = precision === "mixed" ? ", in mixed precision" : "";
  return [
    `Plan for ${batch} images of ${size} × ${size} pixels in two views${how}, on ${
      adapter ?? "any adapter"
    }:`,
    ...step ? stepLines(step) : [],
    ...refusal ? [`The run would be refused: ${refusal}`] : [],
  ].join("\n");
}

function stepLines(
  { bytes, total, parameters, dispatches, recomputed, largest, evaluation }: StepPlan,
): string[] {
  const line = (what: string, n: number) => `  ${what.padEnd(14)} ${megabytes(n).padStart(13)}`;
  return [
    ...bytes.map(({ category, bytes }) => line(category, bytes)),
    line("total", total),
    `The online network has ${parameters.toLocaleString("en")} parameters, a step ${dispatches} dispatches.`,
    ...recomputed > 0
      ? [`Of these ${recomputed} recompute activations instead of keeping them: see --recompute.`]
      : [],
    `The largest binding is ${largest.name} with ${megabytes(largest.bytes)}. ` +
    `Evaluation, if there are labels, takes ${megabytes(evaluation)} more.`,
  ];
}
