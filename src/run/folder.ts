/**
 * The folder of a run: a new one, or one to go on with.
 *
 * @module
 */
import { join } from "node:path";
import type { Recipe } from "../../data/views/recipe.ts";
import { type TrainOptions, trainOptions } from "../config/train_defaults.ts";
import type { GivenTrainFlags } from "../config/train_flags.ts";
import { messageOf, UserError } from "../base/errors.ts";
import { removeTemporaries } from "../io/atomic.ts";
import {
  checkpointFolder,
  latestCheckpoint,
  loadCheckpoint,
  type LoadedCheckpoint,
} from "../io/checkpoint.ts";
import type { Gpu } from "../gpu/device.ts";
import { fileError } from "../io/file_error.ts";
import { writeJson } from "../io/json_file.ts";
import { optionsWithRecipe, runRecipe, sameRecipe, writeRunRecipe } from "../config/load_recipe.ts";

/** A run that may begin. */
export interface Run {
  options: TrainOptions;
  /** What `options.recipe` names, in full. */
  recipe: Recipe;
  /** Where it was left; null for a new run. */
  checkpoint: LoadedCheckpoint | null;
}

/**
 * What may differ between a run and its continuation: nothing that a weight depends on, but for the rounding of other
 * kernels, as on another adapter. The data may have moved: that they are the same is told by their fingerprint.
 */
const CHANGEABLE = new Set<string>([
  "data",
  "out",
  "preset",
  "workers",
  "augment",
  "cache",
  "kernels",
  "recompute",
  "checkpointEvery",
  "keep",
  "logEvery",
  "evalEvery",
  "onBadImage",
  "maxBad",
  "stopOnCollapse",
]);

/** What runs of versions were that knew no such options. */
const BEFORE_THEM: Partial<TrainOptions> = {
  preset: null,
  method: "byol",
  predictor: "on",
  target: "ema",
  negatives: 0,
  temperature: 0.1,
  baseLr: null,
  trust: 1e-3,
  larsClip: "off",
  accumulate: 1,
  recompute: "auto",
  stopOnCollapse: false,
};

/** Whether the run may go on with `value` for the option `name`, which was `before`. */
function mayChange(name: string, { before, value }: { before: unknown; value: unknown }): boolean {
  // Passing bad images over or stopping at them are one run, putting others in their place is another.
  if (name === "onBadImage") return (before === "substitute") === (value === "substitute");
  return CHANGEABLE.has(name);
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

/** The options of a new run. A folder that was named must not hold a run; otherwise a free name is found. */
export async function newRun(given: GivenTrainFlags): Promise<Run> {
  const { options, recipe } = await optionsWithRecipe(given);
  if (given.out === undefined) {
    const { free } = await numberedFolders(options.out);
    return { options: { ...options, out: free }, recipe, checkpoint: null };
  }
  const traces = [configPath(given.out), join(given.out, "metrics.jsonl")];
  if ((await Promise.all(traces.map(exists))).includes(true) || await latestCheckpoint(given.out)) {
    throw new UserError(
      `Cannot begin a run in ${given.out} as it holds one already: expected a folder without config.json, ` +
        `metrics.jsonl and checkpoints. ` +
        `Add --resume to go on with that run, or choose another --out.`,
    );
  }
  return { options, recipe, checkpoint: null };
}

/** What computes a run, as config.json names it. */
type Adapter = Pick<Gpu, "name" | "backend" | "driver">;

/** Writes what the run is, with its recipe in full and what computes it, and prepares its folder. */
export async function writeConfig(
  options: TrainOptions,
  { recipe, adapter }: { recipe?: Recipe; adapter?: Adapter } = {},
): Promise<void> {
  try {
    await Deno.mkdir(checkpointFolder(options.out), { recursive: true });
  } catch (error) {
    throw fileError(options.out, error);
  }
  await removeTemporaries(options.out);
  await removeTemporaries(checkpointFolder(options.out));
  if (recipe) await writeRunRecipe(options.out, recipe);
  const { name, backend, driver } = adapter ?? {};
  await writeJson(configPath(options.out), {
    ...options,
    ...adapter && { adapter: { name, backend, driver } },
  });
}

/** The options and the last checkpoint of the run in `given.out`, or of the latest with the usual name. */
export async function resumedRun(flags: GivenTrainFlags): Promise<Run> {
  const given: GivenTrainFlags = Object.fromEntries(
    Object.entries(flags).filter(([, value]) => value !== undefined),
  );
  // The recipe is compared by its content below, and its file may be gone.
  const { recipe: givenRecipe, ...others } = given;
  const { out: usual } = trainOptions(others);
  const out = given.out ?? (await numberedFolders(usual)).taken.at(-1) ?? usual;
  let saved: TrainOptions;
  try {
    saved = trainOptionsOf(JSON.parse(await Deno.readTextFile(configPath(out))));
  } catch (error) {
    throw new UserError(
      `Cannot resume the run in ${out} as its config.json cannot be read: ${messageOf(error)}. ` +
        `Check --out, or leave --resume out to begin a new run.`,
    );
  }
  for (const [name, value] of Object.entries(others)) {
    const before = saved[name as keyof TrainOptions];
    // --steps overrides --epochs, of which nothing was saved then.
    const overridden = name === "epochs" && given.steps !== undefined;
    if (!overridden && value !== before && !mayChange(name, { before, value })) {
      throw new UserError(
        `Cannot resume the run in ${out} with ${name} = ${value} as it began with ${before}: expected the same ` +
          `options, apart from ${[...CHANGEABLE].join(", ")}. Leave the option out, or begin a new run.`,
      );
    }
  }
  const recipe = await runRecipe(out, { began: saved.recipe, given: givenRecipe });
  const options: TrainOptions = { ...saved, ...others, epochs: saved.epochs, out };
  const path = await latestCheckpoint(out);
  if (!path) return { options, recipe, checkpoint: null };
  const checkpoint = await loadCheckpoint(path);
  const theirs: Record<string, unknown> = { ...BEFORE_THEM, ...checkpoint.metadata.config ?? {} };
  const differences = Object.entries(recordedOptions(options)).filter(([name, value]) =>
    theirs[name] !== value
  );
  if (differences.length) {
    const list = differences.map(([name, value]) => `${name} ${theirs[name]} instead of ${value}`).join(", ");
    throw new UserError(
      `Cannot resume the run in ${out} as ${path} is of another run: expected the options of config.json, found ${list}. ` +
        `Restore the one or the other, or begin a new run.`,
    );
  }
  const recorded = checkpoint.metadata.recipe;
  if (recorded !== undefined && !sameRecipe(recorded as Recipe, recipe)) {
    throw new UserError(
      `Cannot resume the run in ${out} as its recipe.json must be the recipe that ${path} was made with: it is ` +
        `another. Restore it (the checkpoint's metadata hold it), or begin a new run.`,
    );
  }
  return { options, recipe, checkpoint };
}

/** What config.json must be. */
function trainOptionsOf(value: unknown): TrainOptions {
  if (typeof value === "object" && value !== null && "backbone" in value) {
    if (!("decodeSize" in value)) {
      throw new TypeError("it was written by an older version, which drew other views of large images");
    }
    // What computed it is no option: it may go on elsewhere. The rest is in the order that checkpoints keep.
    const { adapter: _, ...options } = value as { adapter?: unknown };
    const unknown = Object.entries(BEFORE_THEM).filter(([name]) => !(name in value));
    return { ...options, ...Object.fromEntries(unknown) } as TrainOptions;
  }
  throw new TypeError("an object with the options of a run is expected");
}

/** The options that a checkpoint records: those that weights depend on, so that equal runs give equal files. */
export function recordedOptions(options: TrainOptions): Partial<TrainOptions> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !CHANGEABLE.has(name)));
}
