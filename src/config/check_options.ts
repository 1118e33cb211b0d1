/**
 * Checks of option values that a program gives.
 *
 * @module
 */
import type { ImageSource } from "../../data/sources/types.ts";
import { parseRecipe } from "../../data/views/parse_recipe.ts";
import { UserError } from "../base/errors.ts";
import { parseBackbone } from "./backbone.ts";
import type { PretrainCallbacks } from "./callbacks.ts";
import type { Flag } from "./flag.ts";
import type { OptionName, PretrainOptions, PretrainSettings } from "./pretrain_options.ts";
import { trainFlags } from "./train_flags.ts";

/** The callbacks among the options, which are passed on unchecked. */
const callbacks = {
  onStep: true,
  onEvaluation: true,
  log: true,
  progress: true,
  signal: true,
} satisfies Record<keyof PretrainCallbacks, true>;

/** Whether `data` is a source of the program's own. */
export function isImageSource(data: PretrainOptions["data"]): data is ImageSource {
  return typeof data === "object" && !Array.isArray(data);
}

/**
 * The settings among `given`, checked; options that are undefined are left out.
 *
 * @throws {UserError} on an unknown option or a value that is not allowed.
 */
export function checkOptions(given: PretrainOptions): PretrainSettings {
  const settings = Object.entries(given).filter(([name, value]) =>
    value !== undefined && !Object.hasOwn(callbacks, name)
  );
  return Object.fromEntries(settings.map(([name, value]) => [name, checked(name, value)]));
}

function checked(name: string, value: unknown): unknown {
  if (!Object.hasOwn(trainFlags, name)) {
    throw new UserError(
      `Cannot use the option "${name}": it is none of ${Object.keys(trainFlags).join(", ")}.`,
    );
  }
  // Values that no command line can say.
  if (name === "backbone") return parseBackbone(value);
  if (name === "recipe" && typeof value === "object") return parseRecipe(value, "options.recipe");
  if (name === "data" && isImageSource(value as PretrainOptions["data"])) return checkSource(value);
  return checkFlag(name, { value, flag: trainFlags[name as OptionName] });
}

/**
 * `value` as the type of `flag` reads it.
 *
 * @throws {UserError} if it is not allowed.
 */
export function checkFlag(
  name: string,
  { value, flag: { type, repeatable } }: { value: unknown; flag: Flag<unknown> },
): unknown {
  const one = (part: unknown) => {
    const isText = typeof part !== "object" || type.isList && Array.isArray(part);
    const parsed = isText ? type.parse(`${part}`) : undefined;
    if (parsed !== undefined) return parsed;
    throw new UserError(
      `Cannot use "${name} = ${isText ? part : JSON.stringify(part)}": it must be ${type.expected}.`,
    );
  };
  return repeatable && Array.isArray(value) ? value.map(one) : one(value);
}

/** A source of the program's own. */
export function checkSource(value: unknown): unknown {
  const { kind } = (value ?? {}) as { kind?: unknown };
  if (kind === "indexed" || kind === "streamed") return value;
  throw new UserError(
    `Cannot use data of kind ${JSON.stringify(kind)}: an ImageSource is of kind "indexed" or "streamed".`,
  );
}
