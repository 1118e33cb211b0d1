/**
 * What a preset sets, checked; and which of it counts beside the options that are given.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { presetFiles } from "./preset_files.ts";
import type { OptionName, PretrainSettings } from "./pretrain_options.ts";
import { trainFlags } from "./train_flags.ts";

/** The options that every run has for itself. */
const ownOptions: OptionName[] = ["preset", "data", "out"];

/**
 * The options that the preset `value` sets; `path` names it in messages.
 *
 * @throws {UserError} on an unknown option or a value that is not allowed, naming the field.
 */
export function parsePreset(value: unknown, path: string): PretrainSettings {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UserError(`Cannot use the preset "${path}": it must be an object of options.`);
  }
  const known = (Object.keys(trainFlags) as OptionName[]).filter((name) => !ownOptions.includes(name));
  const fields = Object.entries(value).map(([name, field]) => {
    if (!known.includes(name as OptionName)) {
      throw new UserError(
        `Cannot use the preset "${path}": ${name} is no option of a preset. Known are ${known.join(", ")}.`,
      );
    }
    const { type } = trainFlags[name as OptionName];
    const parsed = typeof field === "object" ? undefined : type.parse(String(field));
    if (parsed === undefined) {
      throw new UserError(
        `Cannot use the preset "${path}": ${name} must be ${type.expected}, not ${JSON.stringify(field)}.`,
      );
    }
    return [name, parsed];
  });
  return Object.fromEntries(fields);
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
