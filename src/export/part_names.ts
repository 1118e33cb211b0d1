/**
 * The names of files while they are written, and how they get their final ones.
 *
 * @module
 */
import { dirname } from "node:path";
import { UserError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import { syncDirectory } from "../io/atomic.ts";
import { fileError } from "../io/file_error.ts";
import type { RowFormat } from "./embedding_rows.ts";
import { PART_SUFFIX } from "./piece_file.ts";

/** All names that belong to files: of their pieces, of the journal and of the list of bad images. */
export interface Names {
  pieces: { path: string; kept: boolean }[];
  journal: string;
  bad: string;
}

/** The names for `files`. */
export function namesOf(files: readonly { path: string; format: RowFormat }[]): Names {
  // In whichever order files are given, their journal is found again.
  const [first] = files.map(({ path }) => path).sort();
  return {
    pieces: files.flatMap(({ path, format }) =>
      format.pieces.map(({ suffix, kept }) => ({ path: path + suffix, kept }))
    ),
    journal: `${first}${PART_SUFFIX}.jsonl`,
    bad: `${first}.bad.jsonl`,
  };
}

/** Gives complete files their names, as far as that is not done yet, and removes the journal. */
export async function publish({ pieces, journal, bad }: Names): Promise<void> {
  const size = await Deno.stat(bad + PART_SUFFIX).then(({ size }) => size, () => null);
  const all = [...pieces, ...size === null ? [] : [{ path: bad, kept: size > 0 }]];
  try {
    for (const { path, kept } of all) {
      if (kept && await exists(path + PART_SUFFIX)) await Deno.rename(path + PART_SUFFIX, path);
      else if (!kept) await removeIfThere(path + PART_SUFFIX);
    }
    if (size === 0) await removeIfThere(bad); // of the files that were replaced
    await removeIfThere(journal);
    for (const folder of new Set(all.map(({ path }) => dirname(path)))) await syncDirectory(folder);
  } catch (error) {
    throw fileError(all[0].path, error);
  }
}

async function removeIfThere(path: string): Promise<void> {
  if (await exists(path)) await Deno.remove(path);
}

/** Refuses pieces without a journal: they belong to another group of files. */
export async function expectNoParts(pieces: Names["pieces"]): Promise<void> {
  for (const { path } of pieces) {
    if (!await exists(path + PART_SUFFIX)) continue;
    throw new UserError(
      `Cannot write "${path}": "${
        path + PART_SUFFIX
      }" is left of an unfinished embedding to other files. Repeat its ` +
        `command to finish it, or add --restart to drop it.`,
    );
  }
}
