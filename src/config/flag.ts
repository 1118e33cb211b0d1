/**
 * Options described as data: what a command line, its help and its checks are made of.
 *
 * @module
 */
import type { OptionType } from "./option_types.ts";

/** An option with a value, or a switch. */
export interface Flag<T> {
  type: OptionType<T>;
  /** What it does, for `--help`. */
  about: string;
  /** Its default, in words. */
  otherwise: string;
  /** Whether it may be given more than once; its value is then a list. */
  repeatable?: boolean;
}

/** Options by the headings that they have in `--help`, each by its name in camel case. */
export type FlagGroups = Record<string, Record<string, Flag<unknown>>>;

/** Describes an option. */
export function flag<T>(type: OptionType<T>, about: string, otherwise: string | number): Flag<T> {
  return { type, about, otherwise: String(otherwise) };
}
