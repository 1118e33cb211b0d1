/**
 * What a run's options come to for the trainer on an adapter: its networks, its kernels.
 *
 * @module
 */
import { traceTraining, type TrainerOptions } from "./byol/trainer.ts";
import type { TrainOptions } from "./cli/train_defaults.ts";
import { UserError } from "./errors.ts";
import { expectFit } from "./fit.ts";
import type { Gpu } from "./gpu/device.ts";
import { type Pick, pinned, targetOf } from "./graph/target.ts";
import { type Decision, tune } from "./graph/tuner.ts";
import type { EntryFile } from "./io/tuning_cache.ts";
import { backboneByName } from "./nn/backbones.ts";

/** Images of a batch in evaluation, if a training step has no fewer. */
const EVALUATION_BATCH = 128;

/** What a trainer is built from. */
export function trainerOptions(
  { backbone, stem, hidden, projection, batch, size, optimizer }: TrainOptions,
): TrainerOptions {
  return {
    architecture: { backbone: backboneByName(backbone), stem, hidden, projection },
    batch,
    size,
    optimizer,
  };
}

/** The family of kernels that `--kernels` pins, if it does. Refuses one that the adapter cannot run. */
export function pinOf({ kernels = "auto" }: TrainOptions, gpu: Gpu | null): Pick | undefined {
  if (kernels === "auto" || kernels === "usual") return undefined;
  if (kernels === "subgroup8" && gpu?.subgroupSize !== 8) {
    throw new UserError(
      `Cannot use --kernels subgroup8 on ${gpu?.name ?? "any adapter"} as its subgroups must have 8 lanes: ` +
        `${gpu?.subgroupSize || "various sizes"} were found. Use auto, usual, blocked or tiled.`,
    );
  }
  return pinned(kernels);
}

/**
 * How the run chooses between kernels, as `--kernels` says; a run of an older version says nothing. What has to be timed
 * for that is timed now, and remembered.
 *
 * @throws {MachineError} if the run cannot fit the adapter, with the largest batch that does.
 */
export async function choosePick(
  gpu: Gpu,
  { options, tuning, print }: {
    options: TrainOptions;
    tuning: EntryFile<Decision>;
    print: (line: string) => void;
  },
): Promise<Pick | undefined> {
  const pin = pinOf(options, gpu), training = trainerOptions(options);
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
