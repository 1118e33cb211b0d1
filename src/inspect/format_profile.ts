/**
 * The profile of a step as text.
 *
 * @module
 */
import { alignColumns, percent } from "../base/format.ts";
import { rateOf } from "./peaks.ts";
import type { RunProfile } from "./profile.ts";
import { SAMPLES, secondsOf } from "./timing.ts";

/** `profile` as a table by kernel, with how it was measured. */
export function formatProfile(profile: RunProfile): string {
  const { adapter, batch, accumulate, size, peaks: { flops, bytes } } = profile;
  const images = accumulate > 1 ? `${accumulate} batches of ${batch}` : `${batch}`;
  return [
    `Profile of a step of ${images} images of ${size} × ${size} pixels in two views, on ${adapter}:`,
    ...profileTable(profile),
    `Peaks on this adapter, by probes: ${(flops / 1e9).toFixed(1)} GFLOP/s of multiply-adds in registers, ` +
    `${(bytes / 1e9).toFixed(1)} GB/s from one storage buffer to another.`,
    `Times are medians of ${SAMPLES}: of kernels by the GPU's clock, each in a pass of its own; of a step as a run submits it.`,
    "GFLOP/s count what the equations need, GB/s each tensor once.",
  ].join("\n");
}

/** The lines of the table: each kernel's time, its fraction of the sum, and its rate. */
export function profileTable(
  { kernels, wall, peaks }: Pick<RunProfile, "kernels" | "wall" | "peaks">,
): string[] {
  const sum = secondsOf(kernels), calls = kernels.reduce((sum, { calls }) => sum + calls, 0);
  const milliseconds = (seconds: number) => (1000 * seconds).toFixed(3);
  const rows = kernels.map((kernel) => {
    const { name, calls, seconds } = kernel;
    // WebGPU lets a clock be as coarse as 0.1 ms, in which a short kernel takes no time.
    const rate = seconds > 0 ? rateOf(kernel, peaks) : null;
    const rates = rate ? [rate.text, percent(rate.fraction)] : ["–", "–"];
    return [name, `${calls}`, milliseconds(seconds), percent(seconds / sum), ...rates];
  });
  return alignColumns([
    ["kernel", "calls", "ms", "share", "rate", "of the peak"],
    ...rows,
    ["sum", `${calls}`, milliseconds(sum), percent(1), "", ""],
    ["wall time of a step", "", milliseconds(wall), "", "", ""],
    ["wall ÷ sum", "", (wall / sum).toFixed(3), "", "", ""],
  ]).map((line) => `  ${line}`);
}
