/**
 * What a preset sets, checked; and which of it counts beside the options that are given.
 *
 * @module
 */
import { messageOf, UserError } from "../base/errors.ts";
import { checkOption } from "./check_options.ts";
import { presetFiles } from "./preset_files.ts";
import type { OptionName, PretrainSettings } from "./pretrain_options.ts";
import { trainFlags } from "./train_flags.ts";

/** What config.json of a run has beside its options. */
export interface RunFacts {
  /** The GPU, as config.json names it. */
  adapter?: { name?: string; backend?: string; driver?: string };
  /** Of the run's images. */
  fingerprint: string;
  /** Steps of the whole run. */
  totalSteps: number;
  /** The weights that it started from: where they were, and how images are normalized for them. */
  weights?: { from: string; mean: readonly number[]; std: readonly number[] };
}

/** Its fields. By any of them a file is taken for a run's. */
export const runFacts: readonly (keyof RunFacts)[] = ["adapter", "fingerprint", "totalSteps", "weights"];

/**
 * The options that the preset `value` sets; `path` names it in messages. Of config.json of a run these are its options
 * as they were given or derived, but for `out` and `preset`.
 *
 * @throws {UserError} on an unknown option or a value that is not allowed, naming the field.
 */
export function parsePreset(value: unknown, path: string): PretrainSettings {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UserError(`Cannot use the preset "${path}": it must be an object of options.`);
  }
  const known: string[] = Object.keys(trainFlags).filter((name) => name !== "preset");
  const fields = Object.entries(optionsIn(value)).map(([name, field]) => {
    if (!known.includes(name)) {
      throw new UserError(
        `Cannot use the preset "${path}": ${name} is no option of a preset. Known are ${known.join(", ")}.`,
      );
    }
    try {
      return [name, checkOption(name, field)];
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const { type } = trainFlags[name as OptionName];
      const fact = isObject(field)
        ? messageOf(error)
        : `${name} must be ${type.expected}, not ${JSON.stringify(field)}.`;
      throw new UserError(`Cannot use the preset "${path}": ${fact}`);
    }
  });
  return Object.fromEntries(fields);
}

/** Whether `value` is the content of config.json of a run. */
export function isRunConfig(value: object): boolean {
  return runFacts.some((name) => name in value);
}

/** The options in `value`; of config.json of a run, those that make a run like it. */
function optionsIn(value: object): Record<string, unknown> {
  if (!isRunConfig(value)) return { ...value };
  const { out: _, preset: __, ...options } = value as Record<string, unknown>;
  for (const [name, option] of Object.entries(options)) {
    if (option === null || runFacts.includes(name as keyof RunFacts)) delete options[name];
  }
  // The one follows from the other, for any batch.
  if ("baseLr" in options) delete options.lr;
  // τ of a target that does not follow is no option of its own, which another method would take over.
  if (options.target !== "ema") {
    delete options.tau;
    delete options.tauSchedule;
  }
  return options;
}

/** The options that the built-in preset `name` sets; none if `name` is none of them, as files are read elsewhere. */
export function presetByName(name: string | undefined): PretrainSettings {
  const file = name === undefined ? undefined : presetFiles[name];
  return file === undefined ? {} : parsePreset(file, name!);
}

/** Options that say the same thing in different words: one that is given replaces a preset's others. */
const alternatives: readonly (readonly OptionName[])[] = [
  ["epochs", "steps"],
  ["lr", "baseLr"],
  ["method", "predictor", "target", "negatives"],
];

const isObject = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);

/** `preset`, overridden by what is `given`. */
export function overPreset(preset: PretrainSettings, given: PretrainSettings): PretrainSettings {
  const left = { ...preset };
  for (const [whole, ...parts] of alternatives) {
    if (given[whole] !== undefined) { for (const part of parts) delete left[part]; }
    // One part of a method leaves the others as they are.
    if (parts.length === 1 && given[parts[0]] !== undefined) delete left[whole];
  }
  return { ...left, ...given };
}
