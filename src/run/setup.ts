/**
 * From a run's options to its trainer on an adapter: networks, views, kernels.
 *
 * @module
 */
import type { Recipe } from "../../data/views/recipe.ts";
import { expectFit } from "../byol/fit.ts";
import { traceTraining, type TrainerOptions } from "../byol/trace_training.ts";
import { backboneConfigOf } from "../config/backbone.ts";
import { pinnedChooser } from "../config/kernel_pin.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";
import type { Gpu } from "../gpu/device.ts";
import { deviceProfileOf, type KernelChooser } from "../graph/kernel_choice.ts";
import { type Decision, tune } from "../graph/tuner.ts";
import type { EntryFile } from "../io/tuning_cache.ts";
import type { LoaderOptions } from "../views/view_uploader.ts";

/** Images of a batch in evaluation, or fewer for a small training batch. */
const EVALUATION_BATCH = 128;

/** How the GPU computes the views of a run; null if the Workers do. */
export function loadingOf(
  { augment, decodeSize }: ResolvedOptions,
  { views, mean, std }: Recipe,
): LoaderOptions | null {
  return augment === "gpu" ? { views, mean, std, decodeSize } : null;
}

/** What a trainer is built from. */
export function trainerOptions(options: ResolvedOptions, recipe: Recipe): TrainerOptions {
  const { backbone, stem, hidden, projection, batch, size, optimizer } = options;
  const { predictor, target, negatives, temperature, accumulate, trust, larsClip, recompute } = options;
  const { precision, lossScale } = options;
  return {
    objective: { predictor, target, negatives, temperature },
    loading: loadingOf(options, recipe),
    architecture: { backbone: backboneConfigOf(backbone), stem, hidden, projection },
    batch,
    size,
    optimizer,
    trust,
    larsClip,
    accumulate,
    recompute,
    precision,
    lossScale,
  };
}

/**
 * How the run chooses between kernels, as the option `kernels` says. With `auto`, variants not timed before are timed now.
 *
 * @throws {MachineError} if the run does not fit the adapter, with the largest batch that does.
 */
export async function chooseKernels(
  gpu: Gpu,
  { options, recipe, tuning, log, signal }: {
    options: ResolvedOptions;
    recipe: Recipe;
    tuning: EntryFile<Decision>;
    log: (line: string) => void;
    signal?: AbortSignal;
  },
): Promise<KernelChooser | undefined> {
  const pin = pinnedChooser(options, gpu), training = trainerOptions(options, recipe);
  expectFit(training, { target: deviceProfileOf(gpu, pin), limits: gpu.limits });
  if (options.kernels !== "auto") return pin;
  const chooser = await tune(gpu, (target) => traceTraining(training, target).step, {
    cache: tuning,
    report: log,
    signal,
  });
  await tuning.save();
  return chooser;
}

/** Images of a batch in evaluation: as a training step has two views of each image, no binding is larger than there. */
export function evaluationRows({ batch }: ResolvedOptions): number {
  return Math.min(EVALUATION_BATCH, 2 * batch);
}
