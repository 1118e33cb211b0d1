/**
 * Files that contain images, of which the names or folders tell splits: `train-00000.parquet`, `data/train/0000.parquet`.
 *
 * @module
 */
import type { OpenContext } from "./open_options.ts";
import { baseName } from "./patterns.ts";
import { chooseSplit, pathLevels, splitInName } from "./split_names.ts";
import type { SplitName } from "./survey.ts";

/** The split that a path tells: its file name, or else the folder that is nearest to it. */
export function splitInPath(path: string): SplitName | null {
  return path.split("/").reverse().map(splitInName).find((split) => split !== null) ?? null;
}

/**
 * The files of the split that is read; the survey gets the others. `pathOf` is a file's path below what the user named.
 *
 * @throws {UserError} if the split that is asked for is not there, or if there are several and none is for training.
 */
export function filesOfSplit<T>(
  name: string,
  files: readonly T[],
  { pathOf, split: wanted, survey }: OpenContext & { pathOf(file: T): string },
): T[] {
  const splitOf = (file: T) => splitInPath(pathOf(file));
  const { items, others } = chooseSplit(files, { name, splitOf, wanted, survey });
  for (const { item, split } of others) {
    survey.leaveOut({
      name: pathOf(item),
      kind: split === null ? "file of no split" : `file of split ${split}`,
    });
  }
  return items;
}

/** Paths without the folders that all of them share. */
export function belowShared(paths: readonly string[]): string[] {
  const { shared } = pathLevels(paths);
  return paths.map((path) => path.split("/").slice(shared).join("/"));
}

/** The path of a file from the folder on that the user named, or for a file or a pattern, from the folder of the file on. */
export function fromNamed(name: string, path: string): string {
  const folder = name.replace(/[/\\]+$/, "");
  const isBelow = path.startsWith(`${folder}/`);
  return isBelow ? path.slice(folder.length - baseName(folder).length) : path.split("/").slice(-2).join("/");
}

/** A name for each of `paths`: the file's, or if several have the same, with the folders that they do not share. */
export function distinctNames(paths: readonly string[]): string[] {
  const names = paths.map((path) => path.slice(path.lastIndexOf("/") + 1));
  return new Set(names).size === names.length ? names : belowShared(paths);
}
