/**
 * Whether a loss scale has an effect.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import type { PretrainSettings } from "./pretrain_options.ts";
import type { ResolvedOptions } from "./resolved_options.ts";

/**
 * Refuses a loss scale where nothing is scaled.
 *
 * @param given What is given now: a run that goes on in float32 may have the scale of its mixed steps on record.
 */
export function expectLossScaleUsed(
  { lossScale }: PretrainSettings,
  { precision }: Pick<ResolvedOptions, "precision">,
): void {
  if (lossScale === undefined || precision === "mixed") return;
  throw new UserError(
    `Cannot use lossScale = ${lossScale} with precision = f32: only mixed precision scales the loss. Leave out lossScale, ` +
      `or choose precision mixed.`,
  );
}
