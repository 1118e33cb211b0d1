/**
 * What a run would cost, without running it: `--plan` and `--profile`.
 *
 * @module
 */
import type { GivenTrainFlags } from "../config/train_flags.ts";
import { openGpu } from "../gpu/device.ts";
import type { Decision } from "../graph/tuner.ts";
import { openTuningCache } from "../io/tuning_cache.ts";
import { optionsWithRecipe } from "../config/load_recipe.ts";
import { planReport } from "./plan_report.ts";
import { expectTimestamps, profileReport } from "./profile.ts";
import { pinOf } from "../config/kernel_pin.ts";
import { choosePick, evaluationRows, trainerOptions } from "../run/setup.ts";

/** The memory that a run with these options would take, as a text; nothing is allocated and no data opened. */
export async function planOf(given: GivenTrainFlags): Promise<string> {
  const { options, recipe } = await optionsWithRecipe(given);
  using gpu = await openGpu().catch(() => null);
  const pick = pinOf(options, gpu);
  return planReport(gpu, { ...trainerOptions(options, recipe), pick }, {
    evaluation: evaluationRows(options),
  });
}

/** Where the time of a step with these options goes, as a text; nothing is written but which kernels are fast, and no data opened. */
export async function profileOf(given: GivenTrainFlags, print = console.log): Promise<string> {
  const { options, recipe } = await optionsWithRecipe(given);
  using gpu = await openGpu();
  expectTimestamps(gpu);
  const pick = await choosePick(gpu, { options, recipe, tuning: await openTuningCache<Decision>(), print });
  return await profileReport(gpu, { ...trainerOptions(options, recipe), pick });
}
