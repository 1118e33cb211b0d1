/**
 * What a preset sets, checked; and what of it counts beside the flags that are given.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import type { OptionType } from "./option_types.ts";
import { presetFiles } from "./preset_files.ts";
import { type GivenTrainFlags, trainFlags } from "./train_flags.ts";

/** The options that are a run's own. */
const OWN = ["preset", "data", "out"];

/**
 * The options that the preset `value` sets; `path` names it in messages.
 *
 * @throws {UserError} on an unknown option or a value that `--help` does not allow, naming the field.
 */
export function parsePreset(value: unknown, path: string): GivenTrainFlags {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UserError(
      `Cannot use the preset ${path} as it must be an object of options: found another value.`,
    );
  }
  const known = Object.keys(trainFlags).filter((name) => !OWN.includes(name));
  const fields = Object.entries(value).map(([name, field]) => {
    if (!known.includes(name)) {
      throw new UserError(
        `Cannot use the preset ${path} as its fields must be options: found ${name}. Known are ${
          known.join(", ")
        }.`,
      );
    }
    const type: OptionType<unknown> = trainFlags[name as keyof typeof trainFlags].type;
    const parsed = typeof field === "object" ? undefined : type.parse(String(field));
    if (parsed === undefined) {
      throw new UserError(
        `Cannot use the preset ${path} as ${name} must be ${type.expected}: found ${JSON.stringify(field)}.`,
      );
    }
    return [name, parsed];
  });
  return Object.fromEntries(fields);
}

/** The built-in preset `name`; none of that name sets nothing, as a file is read elsewhere. */
export function presetByName(name: string | undefined): GivenTrainFlags {
  const file = name === undefined ? undefined : presetFiles[name];
  return file === undefined ? {} : parsePreset(file, name!);
}

/** Options that say the same thing in different words: where one of them is given, a preset's others do not count. */
const RIVALS: readonly (readonly (keyof GivenTrainFlags)[])[] = [
  ["epochs", "steps"],
  ["lr", "baseLr"],
  ["method", "predictor", "target", "negatives"],
];

/** `preset` with what is `given` over it. */
export function overPreset(preset: GivenTrainFlags, given: GivenTrainFlags): GivenTrainFlags {
  const left = { ...preset };
  for (const [whole, ...parts] of RIVALS) {
    if (given[whole] !== undefined) { for (const part of parts) delete left[part]; }
    // A single part of a method does not take the others with it.
    if (parts.length === 1 && given[parts[0]] !== undefined) delete left[whole];
  }
  return { ...left, ...given };
}
