/**
 * Which options belong to a run for good, and which may change when it is resumed.
 *
 * @module
 */
import type { OptionName } from "../config/pretrain_options.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";

/**
 * The options that a resumed run may change: no weight depends on them, except for the rounding of other kernels, as on
 * another adapter, or of another precision. The data may have moved: its fingerprint shows that it is the same.
 */
export const changeableOptions: ReadonlySet<string> = new Set<OptionName>([
  "data",
  "out",
  "preset",
  "workers",
  "augment",
  "cache",
  "kernels",
  "recompute",
  "precision",
  "lossScale",
  "checkpointEvery",
  "keep",
  "logEvery",
  "evalEvery",
  "onBadImage",
  "maxBad",
  "tensorboard",
  "stopOnCollapse",
]);

/** Whether a resumed run may change the option `name` from `before` to `value`. */
export function mayChange(name: string, { before, value }: { before: unknown; value: unknown }): boolean {
  // To skip bad images or to stop at them is the same run; to substitute them is another.
  if (name === "onBadImage") return (before === "substitute") === (value === "substitute");
  return changeableOptions.has(name);
}

/** The options that a checkpoint records: those that weights depend on, so that equal runs give equal files. */
export function recordedOptions(options: ResolvedOptions): Partial<ResolvedOptions> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !changeableOptions.has(name)));
}
