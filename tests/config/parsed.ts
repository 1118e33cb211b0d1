/** Options as a command line gives them, and assertions about them. */
import { parseTrainOptions } from "../../src/cli/train_options.ts";
import { resolveOptions } from "../../src/config/resolve_options.ts";
import type { ResolvedOptions } from "../../src/config/resolved_options.ts";
import { assert, assertEquals } from "../assert.ts";

/** The options of a run that train.ts starts with these arguments. */
export function parse(...args: string[]): ResolvedOptions {
  const parsed = parseTrainOptions(args);
  assert(!("help" in parsed), "help was asked for");
  return resolveOptions(parsed.given);
}

/** Throws unless `options` has the values that `expected` has. */
export function assertIncludes(options: ResolvedOptions, expected: Partial<ResolvedOptions>): void {
  const names = Object.keys(expected) as (keyof ResolvedOptions)[];
  assertEquals(Object.fromEntries(names.map((name) => [name, options[name]])), expected);
}
