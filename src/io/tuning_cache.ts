/**
 * The user's file of the fastest kernels, for all runs; and the part of it that a run used, in the run's folder: a
 * resumed run takes the same kernels even if the user's file has changed.
 *
 * @module
 */
import { join } from "node:path";
import { cacheFolder } from "../base/environment.ts";
import { writeJson } from "./json_file.ts";

/** What the file must have of a choice; entries may hold more. */
export interface Entry {
  /** The variant to use. */
  variant: string;
  /** Set if there was no time to measure it; a later run will. */
  provisional?: true;
}

/** Entries by key. */
export interface EntryFile<T extends Entry> {
  get(key: string): T | undefined;
  set(key: string, entry: T): void;
  /** All entries, by key. */
  all(): Record<string, T>;
  /** Writes new entries to the user's file, if that is possible, and used ones to the run's `folder`. */
  save(folder?: string): Promise<void>;
}

const FILE = "kernels.json";

/** The entries of `${folder}/kernels.json`; none if the file is missing or damaged. */
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
 * Opens the user's file. The entries in the folder of a resumed run come first.
 *
 * @param options `run`: the folder of the resumed run. `user`: the folder of the user's file, by default the system's
 * cache folder; null for none. `entries`: those of another process, in place of both.
 */
export async function openTuningCache<T extends Entry>(
  { run = null, user = cacheFolder(), entries }: {
    run?: string | null;
    user?: string | null;
    entries?: Record<string, T>;
  } = {},
): Promise<EntryFile<T>> {
  const known = new Map(
    entries ? Object.entries(entries) : [...await read<T>(user), ...await read<T>(run)],
  );
  const found = new Map<string, T>(), used = new Map<string, T>();
  return {
    get(key) {
      const entry = known.get(key);
      if (entry) used.set(key, entry);
      return entry;
    },
    set(key, entry) {
      // What there was no time to measure holds for this run only.
      for (const map of entry.provisional ? [known, used] : [known, found, used]) map.set(key, entry);
    },
    all: () => Object.fromEntries(known),
    async save(folder) {
      if (folder !== undefined && used.size > 0) {
        await writeJson(join(folder, FILE), Object.fromEntries([...await read(folder), ...used]));
      }
      if (user === null || found.size === 0) return;
      try {
        await Deno.mkdir(user, { recursive: true });
        // Another run may have written meanwhile.
        await writeJson(join(user, FILE), Object.fromEntries([...await read(user), ...found]));
      } catch {
        // Without the file the next run measures again, which takes seconds: no reason to stop this one.
      }
    },
  };
}
