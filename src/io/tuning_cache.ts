/**
 * The file that remembers which kernels were fastest, for all runs of a user; and its excerpt in a run's folder, from
 * which the run goes on with the same kernels, whatever has become of the first.
 *
 * @module
 */
import { join } from "node:path";
import { writeJson } from "./json_file.ts";

/** What was found for a choice, see the tuner. */
export interface Decision {
  choice: string;
  way: string;
  milliseconds: Record<string, number>;
  /** Set if there was no time to measure, but a later run may have it. */
  provisional?: true;
}

/** Decisions by key. */
export interface TuningCache {
  get(key: string): Decision | undefined;
  set(key: string, decision: Decision): void;
  /** Writes what was found new to the user's file, if that is possible, and what was used to the folder of the run. */
  save(folder?: string): Promise<void>;
}

const FILE = "kernels.json";

/** The folder for files that can be made anew, BYOL_CACHE or where the system keeps such; null where the system names none, or must not be asked. */
function cacheFolder(): string | null {
  try {
    const given = Deno.env.get("BYOL_CACHE"), home = Deno.env.get("HOME");
    if (given) return given;
    const base = Deno.build.os === "windows"
      ? Deno.env.get("LOCALAPPDATA")
      : Deno.env.get("XDG_CACHE_HOME") ||
        (home && join(home, Deno.build.os === "darwin" ? "Library/Caches" : ".cache"));
    return base ? join(base, "byol") : null;
  } catch {
    return null;
  }
}

/** The decisions of `${folder}/kernels.json`; none if there is no such file, or it is of no use. */
async function read(folder: string | null): Promise<Map<string, Decision>> {
  if (folder === null) return new Map();
  try {
    const entries = Object.entries(JSON.parse(await Deno.readTextFile(join(folder, FILE))) as object);
    return new Map(
      entries.filter(([, decision]) => typeof decision?.way === "string" && "milliseconds" in decision),
    );
  } catch {
    return new Map();
  }
}

/**
 * Opens the user's decisions. Those of a run that goes on, in its folder, come first.
 *
 * @param options `run`: the folder of that run. `user`: the folder of the user's file, by default where the system
 * keeps caches; null for none.
 */
export async function openTuningCache(
  { run = null, user = cacheFolder() }: { run?: string | null; user?: string | null } = {},
): Promise<TuningCache> {
  const known = new Map([...await read(user), ...await read(run)]);
  const found = new Map<string, Decision>(), used = new Map<string, Decision>();
  return {
    get(key) {
      const decision = known.get(key);
      if (decision) used.set(key, decision);
      return decision;
    },
    set(key, decision) {
      // What there was no time to measure holds for this run; the next one may have the time.
      for (const map of decision.provisional ? [known, used] : [known, found, used]) map.set(key, decision);
    },
    async save(folder) {
      if (folder !== undefined && used.size > 0) {
        await writeJson(join(folder, FILE), Object.fromEntries([...await read(folder), ...used]));
      }
      if (user === null || found.size === 0) return;
      try {
        await Deno.mkdir(user, { recursive: true });
        // Another run may have written in the meantime.
        await writeJson(join(user, FILE), Object.fromEntries([...await read(user), ...found]));
      } catch {
        // A home that cannot be written to costs the next run some seconds, which is no reason to stop this one.
      }
    },
  };
}
