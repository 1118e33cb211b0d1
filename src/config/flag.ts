/**
 * Options described as data: the source of command lines, their help and the checks of values.
 *
 * @module
 */
import type { OptionType } from "./option_types.ts";

/** An option. */
export interface Flag<T> {
  type: OptionType<T>;
  /** What it does, for `--help`. */
  about: string;
  /** Its default, in words. */
  otherwise: string;
  /** Whether it may be given more than once; its value is then a list. */
  repeatable?: boolean;
  /** Whether `--help` shows a switch as `--no-…`, as it is on by default. */
  negated?: boolean;
}

/** Options by their headings in `--help`, each by its name in camel case. */
export type FlagGroups = Record<string, Record<string, Flag<unknown>>>;

/** Describes an option. */
export function flag<T>(type: OptionType<T>, about: string, otherwise: string | number): Flag<T> {
  return { type, about, otherwise: String(otherwise) };
}

/** Describes an option that may be given more than once. */
export function repeatable<T>(type: OptionType<T>, about: string, otherwise: string): Flag<T | T[]> {
  return { ...flag<T | T[]>(type as OptionType<T | T[]>, about, otherwise), repeatable: true };
}
