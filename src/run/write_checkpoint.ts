/**
 * The checkpoints of a run: its state, and what must be known to go on with it.
 *
 * @module
 */
import type { Position } from "../../data/pipeline.ts";
import type { Recipe } from "../../data/views/recipe.ts";
import type { TrainOptions } from "../config/train_defaults.ts";
import { UserError } from "../base/errors.ts";
import type { HealthState } from "./collapse.ts";
import { saveCheckpoint } from "../io/checkpoint.ts";
import type { TorchTensor } from "../nn/weights.ts";
import { recordedOptions } from "./folder.ts";
import type { KnnBefore } from "./records.ts";

/** How far a run has come. */
export interface RunState {
  /** Steps done. */
  step: number;
  position: Position;
  /** Of the last step. */
  loss: number;
  health: HealthState;
}

/** Writes the checkpoint of a run that has taken a step, and removes those beyond `--keep`. */
export async function writeCheckpoint(
  { options, recipe, fingerprint, knn, tensors, undecayed }: {
    options: TrainOptions;
    recipe?: Recipe;
    fingerprint: string;
    knn: KnnBefore | null;
    tensors: ReadonlyMap<string, TorchTensor>;
    undecayed: string[];
  },
  { step, position, loss, health }: RunState,
): Promise<void> {
  if (step === 0) return;
  const { out, seed, keep } = options;
  const metadata = {
    epoch: position.epoch,
    position,
    loss,
    seed,
    config: recordedOptions(options),
    ...(recipe && { recipe }),
    undecayed,
    fingerprint,
    knn,
    health,
  };
  await saveCheckpoint(out, { step, tensors, metadata }, { keep });
}

/** The loss of a step is computed before its update, and is bounded: weights may be lost while it still looks well. */
export function expectFinite(tensors: ReadonlyMap<string, TorchTensor>, step: number): void {
  for (const [name, { data }] of tensors) {
    const bad = data.findIndex((value) => !Number.isFinite(value));
    if (bad < 0) continue;
    throw new UserError(
      `Training stopped as ${name} has the value ${
        data[bad]
      } after step ${step}: finite numbers are expected. ` +
        `The checkpoints written before are good. Begin a new run with a lower --lr or a longer --warmup.`,
    );
  }
}
