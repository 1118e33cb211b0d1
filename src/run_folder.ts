/**
 * The folder of a run: a new one, or one to go on with.
 *
 * @module
 */
import { join } from "node:path";
import { type TrainOptions, trainOptions } from "./cli/train_defaults.ts";
import type { GivenTrainFlags } from "./cli/train_flags.ts";
import { messageOf, UserError } from "./errors.ts";
import { removeTemporaries } from "./io/atomic.ts";
import {
  checkpointFolder,
  latestCheckpoint,
  loadCheckpoint,
  type LoadedCheckpoint,
} from "./io/checkpoint.ts";
import { fileError } from "./io/file_error.ts";
import { writeJson } from "./io/json_file.ts";

/** A run that may begin. */
export interface Run {
  options: TrainOptions;
  /** Where it was left; null for a new run. */
  checkpoint: LoadedCheckpoint | null;
}

/** What may differ between a run and its continuation: nothing that a weight depends on. */
const CHANGEABLE = new Set<string>(["out", "workers", "checkpointEvery", "keep", "logEvery", "onBadImage"]);

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
  const options = trainOptions(given);
  if (given.out === undefined) {
    return { options: { ...options, out: (await numberedFolders(options.out)).free }, checkpoint: null };
  }
  if (await exists(configPath(given.out))) {
    throw new UserError(
      `Cannot begin a run in ${given.out} as it holds one already: expected a folder without config.json. ` +
        `Add --resume to go on with that run, or choose another --out.`,
    );
  }
  return { options, checkpoint: null };
}

/** Writes what the run is, and prepares its folder. */
export async function writeConfig(options: TrainOptions): Promise<void> {
  try {
    await Deno.mkdir(checkpointFolder(options.out), { recursive: true });
  } catch (error) {
    throw fileError(options.out, error);
  }
  await removeTemporaries(options.out);
  await removeTemporaries(checkpointFolder(options.out));
  await writeJson(configPath(options.out), options);
}

/** The options and the last checkpoint of the run in `given.out`, or of the latest with the usual name. */
export async function resumedRun(given: GivenTrainFlags): Promise<Run> {
  const { out: usual } = trainOptions(given);
  const out = given.out ?? (await numberedFolders(usual)).taken.at(-1) ?? usual;
  let saved: TrainOptions;
  try {
    saved = JSON.parse(await Deno.readTextFile(configPath(out)));
  } catch (error) {
    throw new UserError(
      `Cannot resume the run in ${out} as its config.json cannot be read: ${messageOf(error)}. ` +
        `Check --out, or leave --resume out to begin a new run.`,
    );
  }
  for (const [name, value] of Object.entries(given)) {
    const before = saved[name as keyof TrainOptions];
    if (!CHANGEABLE.has(name) && value !== before) {
      throw new UserError(
        `Cannot resume the run in ${out} with ${name} = ${value} as it began with ${before}: expected the same ` +
          `options, apart from ${[...CHANGEABLE].join(", ")}. Leave the option out, or begin a new run.`,
      );
    }
  }
  const path = await latestCheckpoint(out);
  return { options: { ...saved, ...given, out }, checkpoint: path ? await loadCheckpoint(path) : null };
}

/** The options that a checkpoint records: those that weights depend on, so that equal runs give equal files. */
export function recordedOptions(options: TrainOptions): Partial<TrainOptions> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !CHANGEABLE.has(name)));
}
