/**
 * Pre-training by BYOL.
 *
 * @module
 */
import type { PretrainOptions } from "../config/pretrain_options.ts";
import { type World, worldOfOne } from "../distributed/world.ts";
import { execute } from "./execute.ts";
import { newRun } from "./folder.ts";
import { openOnFirst } from "./ranks.ts";
import { settingsOf } from "./resumed_run.ts";
import type { PretrainResult } from "./result.ts";

/**
 * Trains an encoder by BYOL (Grill et al. 2020) on unlabeled images, and writes it to a folder.
 *
 * @param ranks `world`: the processes that train together, see `openWorld()`; by default this one alone.
 * @returns where the run's files are, and its figures.
 * @throws {UserError} on options or data that cannot be used, usually before anything is written; if the folder `out` holds
 * a run, or another process writes to it; and if the loss is not finite.
 * @throws {CollapseError} if the run collapses and `stopOnCollapse` is set, after a checkpoint.
 * @throws {MachineError} if there is no adapter, or too little memory, or the disk fails.
 *
 * @example
 * ```ts
 * import { pretrain } from "./pretrain.ts";
 *
 * const out = await Deno.makeTempDir();
 * const { summary } = await pretrain({ data: "shapes:64", holdout: 0, batch: 16, steps: 2, out, log() {} });
 * console.log(summary?.finalLoss);
 * ```
 */
export async function pretrain(
  options: PretrainOptions = {},
  { world = worldOfOne }: { world?: World } = {},
): Promise<PretrainResult> {
  const given = { ...options };
  // By default each process computes one batch of a step.
  if (world.size > 1 && (await settingsOf(given)).accumulate === undefined) given.accumulate = world.size;
  await using opened = await openOnFirst(world, given, () => newRun(given));
  return await execute(opened.run, { data: options.data, callbacks: options, world });
}
