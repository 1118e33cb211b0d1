/**
 * The checkpoints of a run: its state, and what is needed to resume it.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { Position } from "../../data/pipeline.ts";
import type { Recipe } from "../../data/views/recipe.ts";
import { MachineError, UserError } from "../base/errors.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";
import type { World } from "../distributed/world.ts";
import { saveCheckpoint } from "../io/checkpoint.ts";
import { toSnakeCase } from "../io/snake_case.ts";
import type { TorchTensor } from "../nn/weights.ts";
import type { CollapseState } from "./collapse.ts";
import { recordedOptions } from "./recorded_options.ts";
import type { LearningState } from "./learning_watch.ts";
import type { KnnBefore } from "./records.ts";
import type { SkippedSteps } from "./step_log.ts";

/** How far a run has come. */
export interface RunState {
  /** Steps done. */
  step: number;
  position: Position;
  /** Of the last step. */
  loss: number;
  health: CollapseState;
  /** Null before the first evaluation. */
  learning: LearningState | null;
  /** Null in float32. */
  skipped: SkippedSteps | null;
}

/** Writes the checkpoint of a run that has taken a step, and removes those beyond `keep`. */
export async function writeCheckpoint(
  { options, recipe, fingerprint, knn, tensors, undecayed }: {
    options: ResolvedOptions;
    recipe: Recipe;
    fingerprint: string;
    knn: KnnBefore | null;
    tensors: ReadonlyMap<string, TorchTensor>;
    undecayed: string[];
  },
  { step, position, loss, health, learning, skipped }: RunState,
): Promise<void> {
  if (step === 0) return;
  const { out, seed, keep } = options;
  const metadata = {
    epoch: position.epoch,
    position,
    loss,
    seed,
    config: recordedOptions(options),
    recipe,
    undecayed,
    fingerprint,
    knn: toSnakeCase(knn),
    health,
    learning,
    ...skipped && { skipped },
  };
  await saveCheckpoint(out, { step, tensors, metadata }, { keep });
}

/** Throws if a rank's weights differ from those of rank 0: all take the same steps. */
export async function expectSameState(
  world: World,
  { tensors, step }: { tensors: ReadonlyMap<string, TorchTensor>; step: number },
): Promise<void> {
  const hash = createHash("sha256");
  for (const { data } of tensors.values()) {
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  const all = await world.texts(`the weights after step ${step}`, hash.digest("hex"));
  const rank = all.findIndex((digest) => digest !== all[0]);
  if (rank < 0) return;
  throw new MachineError(
    `Cannot go on after step ${step}: the weights of rank ${rank} (${
      world.hosts[rank]
    }) differ from those of rank 0: its ` +
      `memory, GPU or driver may be faulty. Resume from the last checkpoint without that machine.`,
  );
}

/** Throws if a weight is not finite: the loss is computed before the update and bounded, so it may still look good. */
export function expectFinite(tensors: ReadonlyMap<string, TorchTensor>, step: number): void {
  for (const [name, { data }] of tensors) {
    const bad = data.find((value) => !Number.isFinite(value));
    if (bad === undefined) continue;
    throw new UserError(
      `Training stopped: ${name} has the value ${bad} after step ${step}. Checkpoints written before are good. Start a ` +
        `new run with a lower --lr or a longer --warmup.`,
    );
  }
}
