/**
 * How many linear classifiers a GPU can hold side by side: with thousands of classes they are large.
 *
 * @module
 */
import { MachineError } from "../base/errors.ts";
import type { Gpu, Limits } from "../gpu/device.ts";
import { roundUp } from "../gpu/memory.ts";

/** Samples per step of classifiers at most. */
export const PROBE_BATCH = 256;
/** Bytes of scores that are read back at once, about. */
const READ_BYTES = 2 ** 26;

/** The size of a classifier. */
interface Size {
  dims: number;
  classes: number;
}

/**
 * How many classifiers of this size can be trained side by side.
 *
 * @throws {MachineError} if not even one can.
 */
export function classifiersAtOnce({ limits }: { limits: Limits }, { dims, classes }: Size): number {
  const bytes = 4 * roundUp(classes, 4) * Math.max(roundUp(dims, 4), PROBE_BATCH);
  const count = Math.floor(limits.maxBinding / bytes);
  if (count > 0) return count;
  throw new MachineError(
    `Cannot train a linear classifier of ${classes} classes on features of ${dims} dimensions on this GPU: its weights ` +
      `take ${bytes} bytes, and a binding has at most ${limits.maxBinding}. Leave it out: --probe-views none.`,
  );
}

/** How many of `wanted` samples are scored at once, by classifiers with so many classes altogether. */
export function scoredAtOnce(
  { limits }: Pick<Gpu, "limits">,
  { wanted, columns }: { wanted: number; columns: number },
): number {
  return Math.max(1, Math.min(wanted, Math.floor(Math.min(READ_BYTES, limits.maxBinding) / (4 * columns))));
}
