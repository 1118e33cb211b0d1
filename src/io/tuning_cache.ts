/**
 * The file that remembers which kernels were fastest, for all runs of a user; and its excerpt in a run's folder, from
 * which the run goes on with the same kernels, whatever has become of the first.
 *
 * @module
 */
import { join } from "node:path";
import { cacheFolder } from "../base/environment.ts";
import { writeJson } from "./json_file.ts";

/** What the file must tell of a choice; whoever makes the entries may add to it. */
export interface Entry {
  /** The variant to use. */
  variant: string;
  /** Set if there was no time to measure, but a later run may have it. */
  provisional?: true;
}

/** Entries by key. */
export interface EntryFile<T extends Entry> {
  get(key: string): T | undefined;
  set(key: string, entry: T): void;
  /** Writes what was found new to the user's file, if that is possible, and what was used to the folder of the run. */
  save(folder?: string): Promise<void>;
}

const FILE = "kernels.json";

/** The entries of `${folder}/kernels.json`; none if there is no such file, or it is of no use. */
async function read<T extends Entry>(folder: string | null): Promise<Map<string, T>> {
  if (folder === null) return new Map();
  try {
    const entries = Object.entries(JSON.parse(await Deno.readTextFile(join(folder, FILE))) as object);
    return new Map(entries.filter(([, entry]) => typeof entry?.variant === "string"));
  } catch {
    return new Map();
  }
}

/**
 * Opens the user's file. The entries of a run that goes on, in its folder, come first.
 *
 * @param options `run`: the folder of that run. `user`: the folder of the user's file, by default where the system
 * keeps caches; null for none.
 */
export async function openTuningCache<T extends Entry>(
  { run = null, user = cacheFolder() }: { run?: string | null; user?: string | null } = {},
): Promise<EntryFile<T>> {
  const known = new Map([...await read<T>(user), ...await read<T>(run)]);
  const found = new Map<string, T>(), used = new Map<string, T>();
  return {
    get(key) {
      const entry = known.get(key);
      if (entry) used.set(key, entry);
      return entry;
    },
    set(key, entry) {
      // What there was no time to measure holds for this run; the next one may have the time.
      for (const map of entry.provisional ? [known, used] : [known, found, used]) map.set(key, entry);
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
