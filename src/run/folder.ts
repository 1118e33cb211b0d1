/**
 * The folder of a run: where a new one goes, what it records, and what a resumed one finds.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import { join } from "node:path";
import type { Recipe } from "../../data/views/recipe.ts";
import { messageOf, UserError } from "../base/errors.ts";
import { checkOptions, isImageSource } from "../config/check_options.ts";
import { optionsWithRecipe, runRecipe, sameRecipe, writeRunRecipe } from "../config/load_recipe.ts";
import type { PretrainOptions, PretrainSettings } from "../config/pretrain_options.ts";
import { resolveOptions } from "../config/resolve_options.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";
import type { Gpu } from "../gpu/device.ts";
import { removeTemporaries } from "../io/atomic.ts";
import {
  checkpointFolder,
  latestCheckpoint,
  loadCheckpoint,
  type LoadedCheckpoint,
} from "../io/checkpoint.ts";
import { fileError } from "../io/file_error.ts";
import { writeJson } from "../io/json_file.ts";
import { changeableOptions, mayChange, recordedOptions } from "./recorded_options.ts";

/** A run that can start. */
export interface Run {
  options: ResolvedOptions;
  recipe: Recipe;
  /** Whether it was started before, even without a checkpoint. */
  resumed: boolean;
  /** Where it was left; null for a run without a checkpoint. */
  checkpoint: LoadedCheckpoint | null;
}

const configPath = (out: string) => join(out, "config.json");

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw fileError(path, error);
  }
}

/** The folders `out`, `out`-2, `out`-3 … that hold a run, and the first that does not. */
async function numberedFolders(out: string): Promise<{ taken: string[]; free: string }> {
  const taken: string[] = [];
  for (let n = 1;; n++) {
    const folder = n === 1 ? out : `${out}-${n}`;
    if (!await exists(configPath(folder))) return { taken, free: folder };
    taken.push(folder);
  }
}

/**
 * A new run. Without `out` it gets a free folder of the default name.
 *
 * @throws {UserError} if the folder `out` holds a run.
 */
export async function newRun(given: PretrainOptions): Promise<Run> {
  const { options, recipe } = await optionsWithRecipe(given);
  if (given.out === undefined) {
    const { free } = await numberedFolders(options.out);
    return { options: { ...options, out: free }, recipe, resumed: false, checkpoint: null };
  }
  const traces = [configPath(given.out), join(given.out, "metrics.jsonl")];
  if ((await Promise.all(traces.map(exists))).includes(true) || await latestCheckpoint(given.out)) {
    throw new UserError(
      `Cannot start a run in "${given.out}": it holds one already (config.json, metrics.jsonl or checkpoints). Add ` +
        `--resume to continue that run, or choose another --out.`,
    );
  }
  return { options, recipe, resumed: false, checkpoint: null };
}

/** The adapter as config.json names it. */
type Adapter = Pick<Gpu, "name" | "backend" | "driver">;

/** Prepares the run's folder, and writes its options, its recipe and the adapter. */
export async function writeConfig(
  { options, recipe }: Pick<Run, "options" | "recipe">,
  adapter?: Adapter,
): Promise<void> {
  try {
    await Deno.mkdir(checkpointFolder(options.out), { recursive: true });
  } catch (error) {
    throw fileError(options.out, error);
  }
  await removeTemporaries(options.out);
  await removeTemporaries(checkpointFolder(options.out));
  await writeRunRecipe(options.out, recipe);
  const { name, backend, driver } = adapter ?? {};
  await writeJson(configPath(options.out), {
    ...options,
    ...adapter && { adapter: { name, backend, driver } },
  });
}

/** The folder of the run that `--resume` means: `out`, or the latest of the default name. */
export async function latestRun(given: PretrainOptions): Promise<string> {
  if (given.out !== undefined) return given.out;
  // The recipe's file may be gone, and does not decide the name.
  const { out } = resolveOptions({ ...given, recipe: undefined });
  return (await numberedFolders(out)).taken.at(-1) ?? out;
}

/**
 * The run in the folder `out` and its last checkpoint. `given` are options now; they may change what no weight depends on.
 *
 * @throws {UserError} if there is no run, its files do not belong together, or an option must not change.
 */
export async function resumedRun(out: string, given: PretrainOptions = {}): Promise<Run> {
  const { recipe: givenRecipe, data, ...others } = checkOptions(given);
  const saved = await savedOptions(out);
  expectUnchanged(out, { saved, given: others });
  const recipe = await runRecipe(out, {
    began: saved.recipe,
    given: givenRecipe,
    stretch: saved.stretch,
  });
  const options: ResolvedOptions = {
    ...saved,
    ...data !== undefined && { data: isImageSource(data) ? null : data },
    ...others,
    epochs: saved.epochs,
    out,
  };
  const path = await latestCheckpoint(out);
  if (!path) return { options, recipe, resumed: true, checkpoint: null };
  const checkpoint = await loadCheckpoint(path);
  expectSameRun({ options, recipe }, { path, checkpoint });
  return { options, recipe, resumed: true, checkpoint };
}

/** What config.json in `out` says, but for the adapter: a run may continue on another one. */
async function savedOptions(out: string): Promise<ResolvedOptions> {
  try {
    const { adapter: _, ...options } = JSON.parse(await Deno.readTextFile(configPath(out))) ?? {};
    const missing = Object.keys(resolveOptions({})).filter((name) => !(name in options));
    if (missing.length > 0) {
      throw new TypeError(`it lacks ${missing.join(", ")}, as if another program or version wrote it`);
    }
    return options;
  } catch (error) {
    throw new UserError(
      `Cannot resume the run in "${out}": its config.json cannot be used: ${
        messageOf(error)
      }. Check --out, or leave ` +
        `out --resume to start a new run.`,
    );
  }
}

/** Refuses options that differ from those of the run and must not. */
function expectUnchanged(
  out: string,
  { saved, given }: { saved: ResolvedOptions; given: PretrainSettings },
): void {
  for (const [name, value] of Object.entries(given)) {
    const before = saved[name as keyof ResolvedOptions];
    // With --steps, a run saves no epochs.
    const isOverridden = name === "epochs" && given.steps !== undefined;
    if (isOverridden || isDeepStrictEqual(value, before) || mayChange(name, { before, value })) continue;
    throw new UserError(
      `Cannot resume the run in "${out}" with ${name} = ${textOf(value)}: it began with ${
        textOf(before)
      }. Only these ` +
        `options may change: ${[...changeableOptions].join(", ")}. Leave out the option, or start a new run.`,
    );
  }
}

const textOf = (value: unknown) => typeof value === "string" ? value : JSON.stringify(value);

/** Refuses a checkpoint of other options or another recipe than those of the folder. */
function expectSameRun(
  { options, recipe }: Pick<Run, "options" | "recipe">,
  { path, checkpoint: { metadata } }: { path: string; checkpoint: LoadedCheckpoint },
): void {
  const theirs = (metadata.config ?? {}) as Record<string, unknown>;
  const differences = Object.entries(recordedOptions(options))
    .filter(([name, value]) => !isDeepStrictEqual(theirs[name], value))
    .map(([name, value]) => `${name} ${textOf(theirs[name])} instead of ${textOf(value)}`);
  if (differences.length > 0) {
    throw new UserError(
      `Cannot resume the run in "${options.out}": ${path} belongs to another run than config.json: it has ` +
        `${differences.join(", ")}. Restore the right file, or start a new run.`,
    );
  }
  if (!sameRecipe(metadata.recipe as Recipe, recipe)) {
    throw new UserError(
      `Cannot resume the run in "${options.out}": its recipe.json is not the recipe that ${path} was trained with. ` +
        `Restore it from the checkpoint's metadata, or start a new run.`,
    );
  }
}
