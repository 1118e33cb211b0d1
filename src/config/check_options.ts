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
import { checkSource } from "./check_source.ts";
import type { Flag } from "./flag.ts";
import type { OptionName, PretrainOptions, PretrainSettings } from "./pretrain_options.ts";
import { trainFlags } from "./train_flags.ts";

/** The callbacks among the options, and what each must be. */
const callbacks = {
  onStep: "a function",
  onEvaluation: "a function",
  onDownload: "a function",
  log: "a function",
  progress: "a function",
  signal: "an AbortSignal",
} satisfies Record<keyof PretrainCallbacks, string>;

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
  const values = Object.entries(given).filter(([, value]) => value !== undefined);
  const isSetting = ([name, value]: [string, unknown]) => !isCallback(name, value);
  return Object.fromEntries(
    values.filter(isSetting).map(([name, value]) => [name, checkOption(name, value)]),
  );
}

/** Whether `name` is a callback. Throws a UserError if its value cannot be one. */
function isCallback(name: string, value: unknown): boolean {
  if (!Object.hasOwn(callbacks, name)) return false;
  if (name === "signal" ? value instanceof AbortSignal : typeof value === "function") return true;
  throw new UserError(
    `Cannot use "${name} = ${value}": it must be ${callbacks[name as keyof PretrainCallbacks]}.`,
  );
}

/**
 * `value` as the option `name` has it.
 *
 * @throws {UserError} on an unknown option or a value that is not allowed.
 */
export function checkOption(name: string, value: unknown): unknown {
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
  return repeatable && Array.isArray(value) && value.length > 0 ? value.map(one) : one(value);
}

/**
 * Checks the options of a command other than training.
 *
 * @param options `flags`: the options by name. `unchecked`: those that a program alone gives. `checks`: for values that no
 * command line can say; each throws, or returns whether it answers for the value.
 * @throws {UserError} on an unknown option or a value that is not allowed.
 */
export function expectFlags(
  given: object,
  { flags, unchecked, checks }: {
    flags: Readonly<Record<string, Flag<unknown>>>;
    unchecked: readonly string[];
    checks: Readonly<Record<string, (value: unknown) => boolean>>;
  },
): void {
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || unchecked.includes(name)) continue;
    if (!Object.hasOwn(flags, name)) {
      const known = [...Object.keys(flags), ...unchecked].join(", ");
      throw new UserError(`Cannot use the option "${name}": it is none of ${known}.`);
    }
    if (!Object.hasOwn(checks, name) || !checks[name](value)) checkFlag(name, { value, flag: flags[name] });
  }
}

/** Throws unless `value` is a backbone, by name or described. */
export function checkBackbone(value: unknown): boolean {
  parseBackbone(value);
  return true;
}
