/**
 * What a run would cost, without running it: `--plan` and `--profile`.
 *
 * @module
 */
import type { PretrainOptions } from "../config/pretrain_options.ts";
import { openGpu } from "../gpu/device.ts";
import type { Decision } from "../graph/tuner.ts";
import { openTuningCache } from "../io/tuning_cache.ts";
import { optionsWithRecipe } from "../config/load_recipe.ts";
import { planReport } from "./plan_report.ts";
import { expectTimestamps, profileReport } from "./profile.ts";
import { pinnedChooser } from "../config/kernel_pin.ts";
import { chooseKernels, evaluationRows, trainerOptions } from "../run/setup.ts";

/** The memory that a run with these options would take, as a text; nothing is allocated and no data opened. */
export async function planOf(given: PretrainOptions): Promise<string> {
  const { options, recipe } = await optionsWithRecipe(given);
  using gpu = await openGpu().catch(() => null);
  const chooser = pinnedChooser(options, gpu);
  return planReport(gpu, { ...trainerOptions(options, recipe), chooser }, {
    evaluation: evaluationRows(options),
  });
}

/** Where the time of a step with these options goes, as a text; nothing is written but which kernels are fast, and no data opened. */
export async function profileOf(given: PretrainOptions, print = console.log): Promise<string> {
  const { options, recipe } = await optionsWithRecipe(given);
  using gpu = await openGpu();
  expectTimestamps(gpu);
  const chooser = await chooseKernels(gpu, {
    options,
    recipe,
    tuning: await openTuningCache<Decision>(),
    print,
  });
  return await profileReport(gpu, { ...trainerOptions(options, recipe), chooser });
}
