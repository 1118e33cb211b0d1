/**
 * The folder of a run: where a new one goes, what it records, and what a resumed one finds.
 *
 * @module
 */
import { join } from "node:path";
import { withoutSecrets } from "../../data/sources/patterns.ts";
import type { Recipe } from "../../data/views/recipe.ts";
import { UserError } from "../base/errors.ts";
import { writeRunRecipe } from "../config/load_recipe.ts";
import type { RunFacts } from "../config/preset_fields.ts";
import type { PretrainOptions } from "../config/pretrain_options.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";
import { absoluteSource } from "../config/source_paths.ts";
import type { EvaluatedEncoder } from "../eval/evaluated_encoder.ts";
import { INITIAL_WEIGHTS } from "../eval/initial_encoder.ts";
import { removeTemporaries } from "../io/atomic.ts";
import { checkpointFolder, latestCheckpoint, type LoadedCheckpoint } from "../io/checkpoint.ts";
import { fileError } from "../io/file_error.ts";
import { FolderInUseError, type FolderLock, lockFolder } from "../io/folder_lock.ts";
import { writeJson } from "../io/json_file.ts";
import { optionsWithWeights } from "./initial_weights.ts";
import { configPath, readConfig } from "./run_config.ts";

/** A run that can start. */
export interface Run {
  options: ResolvedOptions;
  recipe: Recipe;
  /** What was recorded as it was started; null for a new one. */
  began: Partial<RunFacts> | null;
  /** The weights to start from; null if they are drawn, or if a checkpoint has them. */
  initial: EvaluatedEncoder | null;
  /** Where it was left; null for a run without a checkpoint. */
  checkpoint: LoadedCheckpoint | null;
}

/** Files that show that a run has done a step: they have to do with it, and are not empty. */
const TRACES = ["metrics.jsonl", "evaluations.jsonl", "encoder.safetensors", "summary.json"];

/** Files of a run that did no step which the next run in its folder might not replace. */
const LEFTOVERS = [
  "bad_images.jsonl",
  "kernels.json",
  "preview.png",
  "data.json",
  "metrics.csv",
  INITIAL_WEIGHTS,
];

/** Whether there is a run in `folder` that has done a step. One that has not may be started over. */
export async function holdsRun(folder: string): Promise<boolean> {
  const sizes = await Promise.all(TRACES.map((name) => sizeOf(join(folder, name))));
  return sizes.some((size) => size > 0) || await latestCheckpoint(folder) !== null;
}

/** Bytes of a file; 0 if there is none. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw fileError(path, error);
  }
}

/**
 * A new run, and the lock on its folder. Without `out` that is a free folder of the default name.
 *
 * @throws {UserError} if the folder `out` holds a run, or another process writes to it.
 */
export async function newRun(given: PretrainOptions): Promise<{ run: Run; lock: FolderLock }> {
  const { options: { out, data, ...others }, recipe, hasOut, initial } = await optionsWithWeights(given);
  const lock = hasOut ? await claim(out) : await claimNumbered(out), { folder } = lock;
  for (const name of LEFTOVERS) await Deno.remove(join(folder, name)).catch(() => {});
  // In whatever folder the run is looked at later.
  const options = { ...others, out: folder, data: data === null ? null : absoluteSource(data) };
  return { run: { options, recipe, began: null, initial, checkpoint: null }, lock };
}

/** Locks `folder` for a new run. */
async function claim(folder: string): Promise<FolderLock> {
  const lock = await lockFolder(folder);
  try {
    if (await holdsRun(folder)) {
      throw new UserError(
        `Cannot start a run in "${folder}": it holds one already (checkpoints, metrics.jsonl or an encoder). Add --resume ` +
          `to continue that run, or choose another --out.`,
      );
    }
    await expectOwnConfig(folder);
    return lock;
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}

/** Refuses a folder with a config.json of something else. */
async function expectOwnConfig(folder: string): Promise<void> {
  if (await sizeOf(configPath(folder)) === 0) return;
  await readConfig(folder).catch(() => {
    throw new UserError(
      `Cannot start a run in "${folder}": its config.json is not of a run. Choose another --out.`,
    );
  });
}

/** Locks the first of `out`, `out`-2, `out`-3 … that neither holds a run nor is used by another process. */
async function claimNumbered(out: string): Promise<FolderLock> {
  for (let n = 1;; n++) {
    const folder = n === 1 ? out : `${out}-${n}`;
    if (await holdsRun(folder)) continue;
    try {
      const lock = await lockFolder(folder);
      if (!await holdsRun(folder)) return lock;
      await lock[Symbol.asyncDispose](); // it was started and ended in between
    } catch (error) {
      if (!(error instanceof FolderInUseError)) throw error;
    }
  }
}

/** Prepares the run's folder, and writes its recipe, its options and the `facts` that it starts with. */
export async function writeConfig(
  { options, recipe }: Pick<Run, "options" | "recipe">,
  { adapter, ...facts }: RunFacts,
): Promise<void> {
  try {
    await Deno.mkdir(checkpointFolder(options.out), { recursive: true });
  } catch (error) {
    throw fileError(options.out, error);
  }
  await removeTemporaries(options.out);
  await removeTemporaries(checkpointFolder(options.out));
  await writeRunRecipe(options.out, recipe);
  const { name, backend, driver } = adapter ?? {}, { data } = options;
  await writeJson(configPath(options.out), {
    ...options,
    data: typeof data === "string" ? withoutSecrets(data) : data?.map(withoutSecrets) ?? null,
    ...facts,
    ...adapter && { adapter: { name, backend, driver } },
  });
}
