/**
 * config.json of a run: its options, and what it started with.
 *
 * @module
 */
import { join } from "node:path";
import { UserError } from "../base/errors.ts";
import { readFailure } from "../base/files.ts";
import { type RunFacts, runFacts } from "../config/preset_fields.ts";
import { resolveOptions } from "../config/resolve_options.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";

/** The file in the folder `out`. */
export const configPath = (out: string): string => join(out, "config.json");

/**
 * What config.json in `out` says.
 *
 * @throws {UserError} if there is none, or if it is not of a run.
 */
export async function readConfig(
  out: string,
): Promise<{ options: ResolvedOptions; facts: Partial<RunFacts> }> {
  try {
    const config = JSON.parse(await Deno.readTextFile(configPath(out))) ?? {};
    const missing = Object.keys(resolveOptions({})).filter((name) => !(name in config));
    if (missing.length > 0) {
      throw new TypeError(`it lacks ${missing.join(", ")}, as if another program or version wrote it`);
    }
    const isFact = ([name]: [string, unknown]) => runFacts.includes(name as keyof RunFacts);
    const entries = Object.entries(config);
    return {
      options: Object.fromEntries(entries.filter((entry) => !isFact(entry))) as unknown as ResolvedOptions,
      facts: Object.fromEntries(entries.filter(isFact)),
    };
  } catch (error) {
    throw new UserError(
      `Cannot resume the run in "${out}": its config.json cannot be used: ${
        readFailure(error)
      }. Check --out, or leave ` +
        `out --resume to start a new run.`,
    );
  }
}
