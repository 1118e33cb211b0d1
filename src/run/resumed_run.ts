/**
 * A run that goes on: its options and its last checkpoint, if what is given now agrees with them.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import type { Recipe } from "../../data/views/recipe.ts";
import { UserError } from "../base/errors.ts";
import { checkOptions, isImageSource } from "../config/check_options.ts";
import { readPreset } from "../config/load_preset.ts";
import { expectLossScaleUsed } from "../config/expect_loss_scale.ts";
import { runRecipe, sameRecipe } from "../config/load_recipe.ts";
import { overPreset } from "../config/preset_fields.ts";
import type { PretrainOptions, PretrainSettings } from "../config/pretrain_options.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";
import { absoluteSource } from "../config/source_paths.ts";
import { latestCheckpoint, loadCheckpoint, type LoadedCheckpoint } from "../io/checkpoint.ts";
import { holdsRun, type Run } from "./folder.ts";
import { initialOf, recordedInit } from "./initial_weights.ts";
import { changeableOptions, mayChange, recordedOptions } from "./recorded_options.ts";
import { readConfig } from "./run_config.ts";

/**
 * The run in the folder `out` and its last checkpoint. `given` are options now, and those of a preset that they name; they
 * may change what no weight depends on.
 *
 * @throws {UserError} if there is no run, its files do not belong together, or an option must not change.
 */
export async function resumedRun(out: string, given: PretrainOptions = {}): Promise<Run> {
  const { recipe: givenRecipe, data, ...others } = await settingsOf(given);
  const { options: saved, facts: began } = await readConfig(out);
  const changed = changedOption(saved, others);
  if (changed) throw mustNotChange(out, { ...changed, mayStartOver: !await holdsRun(out) });
  const recipe = await runRecipe(out, {
    began: saved.recipe,
    given: givenRecipe,
    stretch: saved.stretch,
  });
  const options: ResolvedOptions = {
    ...saved,
    ...data !== undefined && { data: isImageSource(data) ? null : absoluteSource(data) },
    ...others,
    epochs: saved.epochs,
    out,
  };
  expectLossScaleUsed(given, options);
  const path = await latestCheckpoint(out);
  if (!path) {
    const { log = console.log, onDownload, signal, init = options.init } = given;
    const initial = await initialOf({ ...options, init }, { log, onDownload, signal });
    return { options, recipe, began, initial, checkpoint: null };
  }
  const checkpoint = await loadCheckpoint(path);
  expectSameRun({ options, recipe }, { path, checkpoint });
  return { options, recipe, began, initial: null, checkpoint };
}

/** The options that are given, by a preset too. */
export async function settingsOf(given: PretrainOptions): Promise<PretrainSettings> {
  const { init, ...rest } = checkOptions(given);
  const own: PretrainSettings = init === undefined ? rest : { ...rest, init: recordedInit(init) };
  if (own.preset === undefined) return own;
  return overPreset((await readPreset(own.preset)).fields, own);
}

/** An option that must stay as it was. */
interface Change {
  name: string;
  value: unknown;
  before: unknown;
}

/** The first of the options `given` that differs from the run's and must not; null if there is none. */
export function changedOption(saved: ResolvedOptions, given: PretrainSettings): Change | null {
  for (const [name, value] of Object.entries(given)) {
    const before = saved[name as keyof ResolvedOptions];
    // With --steps, a run saves no epochs.
    const isOverridden = name === "epochs" && given.steps !== undefined;
    if (isOverridden || isDeepStrictEqual(value, before) || mayChange(name, { before, value })) continue;
    return { name, value, before };
  }
  return null;
}

function mustNotChange(
  out: string,
  { name, value, before, mayStartOver }: Change & { mayStartOver: boolean },
): UserError {
  return new UserError(
    `Cannot resume the run in "${out}" with ${name} = ${textOf(value)}: it began with ${
      textOf(before)
    }. Only these ` +
      `options may change: ${[...changeableOptions].join(", ")}. ` +
      (mayStartOver
        ? "It has done no step: leave out --resume to start it over."
        : "Leave out the option, or start a new run."),
  );
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
