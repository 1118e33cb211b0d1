/**
 * What a run's options come to for the trainer on an adapter: its networks, its kernels.
 *
 * @module
 */
import type { LoaderOptions } from "../views/view_uploader.ts";
import type { Recipe } from "../../data/views/recipe.ts";
import { traceTraining, type TrainerOptions } from "../byol/trainer.ts";
import type { TrainOptions } from "../config/train_defaults.ts";
import { pinOf } from "../config/kernel_pin.ts";
import { expectFit } from "../byol/fit.ts";
import type { Gpu } from "../gpu/device.ts";
import { type Pick, targetOf } from "../graph/kernel_choice.ts";
import { type Decision, tune } from "../graph/tuner.ts";
import type { EntryFile } from "../io/tuning_cache.ts";
import { backboneByName } from "../nn/backbones.ts";

/** Images of a batch in evaluation, if a training step has no fewer. */
const EVALUATION_BATCH = 128;

/** How the GPU makes the views of a run; null if the Workers do. */
export function loadingOf(
  { augment, decodeSize }: TrainOptions,
  { views, mean, std }: Recipe,
): LoaderOptions | null {
  return augment === "gpu" ? { views, mean, std, decodeSize } : null;
}

/** What a trainer is built from. */
export function trainerOptions(options: TrainOptions, recipe: Recipe): TrainerOptions {
  const { backbone, stem, hidden, projection, batch, size, optimizer } = options;
  const { predictor, target, negatives, temperature, accumulate, trust, larsClip, recompute } = options;
  return {
    objective: { predictor: predictor === "on", target, negatives, temperature },
    loading: loadingOf(options, recipe),
    architecture: { backbone: backboneByName(backbone), stem, hidden, projection },
    batch,
    size,
    optimizer,
    trust,
    larsClip: larsClip === "on",
    accumulate,
    recompute,
  };
}

/**
 * How the run chooses between kernels, as `--kernels` says; a run of an older version says nothing. What has to be timed
 * for that is timed now, and remembered.
 *
 * @throws {MachineError} if the run cannot fit the adapter, with the largest batch that does.
 */
export async function choosePick(
  gpu: Gpu,
  { options, recipe, tuning, print }: {
    options: TrainOptions;
    recipe: Recipe;
    tuning: EntryFile<Decision>;
    print: (line: string) => void;
  },
): Promise<Pick | undefined> {
  const pin = pinOf(options, gpu), training = trainerOptions(options, recipe);
  expectFit(training, { target: targetOf(gpu, pin), limits: gpu.limits });
  if ((options.kernels ?? "auto") !== "auto") return pin;
  const pick = await tune(gpu, (target) => traceTraining(training, target).step, {
    cache: tuning,
    report: print,
  });
  await tuning.save();
  return pick;
}

/** A training step has two views of each image: evaluation then asks for no larger bindings than training does. */
export function evaluationRows({ batch }: TrainOptions): number {
  return Math.min(EVALUATION_BATCH, 2 * batch);
}
