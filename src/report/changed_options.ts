/**
 * Which options of a run were chosen.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import type { PretrainOptions } from "../config/pretrain_options.ts";
import { resolveOptions } from "../config/resolve_options.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";

/** An option that is not at its default. */
export interface ChangedOption {
  name: string;
  value: unknown;
  /** What it would be with the others as they are. */
  otherwise: unknown;
}

/** Those that say where the run is, or depend on the machine. */
const LEFT_OUT = ["data", "out", "workers", "preset"];

/** The options that differ from what they would be with the others as they are: not those that follow from another one. */
export function changedOptions(options: ResolvedOptions): ChangedOption[] {
  const given = { data: options.data ?? undefined } as PretrainOptions, plain = resolveOptions(given);
  const names = Object.keys(plain).filter((name) => !LEFT_OUT.includes(name)) as (keyof ResolvedOptions)[];
  const changed = new Set(names.filter((name) => !isDeepStrictEqual(options[name], plain[name])));
  const otherwise = new Map<string, unknown>();
  // One after another, as two may follow from each other: a size from a recipe, and that from the size.
  for (const name of [...changed].reverse()) {
    const others = [...changed].filter((other) => other !== name && options[other] !== null);
    const value = defaultOf(name, { ...given, ...Object.fromEntries(others.map((n) => [n, options[n]])) });
    if (isDeepStrictEqual(value, options[name])) changed.delete(name);
    else otherwise.set(name, value === undefined ? plain[name] : value);
  }
  return [...changed].map((name) => ({ name, value: options[name], otherwise: otherwise.get(name) }));
}

/** The default of an option beside others; undefined if these need a value of it. */
function defaultOf(name: keyof ResolvedOptions, others: PretrainOptions): unknown {
  try {
    return resolveOptions(others)[name];
  } catch {
    return undefined;
  }
}
