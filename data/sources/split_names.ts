/**
 * The splits that names of files and folders tell of: train, validation, test.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import type { SplitName, Survey } from "./survey.ts";

const WORDS: Record<string, SplitName> = {
  train: "train",
  training: "train",
  validation: "validation",
  valid: "validation",
  val: "validation",
  dev: "validation",
  test: "test",
  testing: "test",
  eval: "test",
  evaluation: "test",
};

/** The split that a user means by `word`; null if it is none of the usual names. */
export function splitNamed(word: string): SplitName | null {
  return Object.hasOwn(WORDS, word.toLowerCase()) ? WORDS[word.toLowerCase()] : null;
}

/** The split that a part of a file or folder name tells: `train-00000-of-00002.parquet`, `val2017`, `test_set`. */
export function splitInName(name: string): SplitName | null {
  return name.split(/[^a-zA-Z]+/).map(splitNamed).find((split) => split !== null) ?? null;
}

/** Which of `items` are read: those of one split. */
export interface ChosenSplit<T> {
  items: T[];
  /** The others, with their split; null for items that belong to none. */
  others: { item: T; split: SplitName | null }[];
}

/**
 * The items of the split `wanted`, by default of the training split, noted in `survey`. Without splits, all. Items without a
 * split are read where there is no training split, and left out beside one.
 *
 * @throws {UserError} if the split is not there, or if there are several and none is for training.
 */
export function chooseSplit<T>(
  items: readonly T[],
  { name, splitOf, wanted, survey }: {
    /** The source's name, for messages. */
    name: string;
    splitOf(item: T): SplitName | null;
    wanted?: SplitName;
    survey: Survey;
  },
): ChosenSplit<T> {
  const splits = items.map(splitOf), found = new Set(splits.filter((split) => split !== null));
  found.forEach((split) => survey.splits.add(split));
  const chosen = wanted ?? defaultSplit(name, splits, found);
  if (wanted !== undefined && !found.has(wanted)) {
    const there = found.size === 0 ? "its names tell of no splits" : `it has ${[...found].join(", ")}`;
    throw new UserError(
      `Cannot read the split "${wanted}" of "${name}": ${there}. Change or leave out --split.`,
    );
  }
  survey.split = chosen ?? survey.split; // names of files may have told it already
  const isChosen = (i: number) => splits[i] === chosen;
  return {
    items: items.filter((_, i) => isChosen(i)),
    others: items.flatMap((item, i) => isChosen(i) ? [] : [{ item, split: splits[i] }]),
  };
}

/** The split to read if none is asked for; null for the items without a split. */
function defaultSplit(
  name: string,
  splits: (SplitName | null)[],
  found: ReadonlySet<SplitName>,
): SplitName | null {
  if (found.has("train")) return "train";
  if (splits.includes(null)) return null;
  if (found.size <= 1) return [...found][0] ?? null;
  throw new UserError(
    `Cannot choose a split of "${name}": it has ${
      [...found].join(" and ")
    }, and none for training. Add --split NAME.`,
  );
}

/**
 * How many folders the paths of all images share at their beginning, and whether the folder below them tells the split.
 * That is so where all folders there are named after splits, or those of training and of another split are among them: by
 * exactly these names, or by a part of the names of at least half of them.
 */
export function pathLevels(paths: Iterable<string>): { shared: number; split: boolean } {
  const folders = new Map<string, string[]>();
  for (const path of paths) {
    const folder = path.slice(0, path.lastIndexOf("/") + 1);
    if (!folders.has(folder)) folders.set(folder, folder.split("/").slice(0, -1));
  }
  const all = [...folders.values()];
  const isShared = (n: number) => all.every((parts) => parts.length > n && parts[n] === all[0][n]);
  let shared = 0;
  while (all.length > 0 && isShared(shared)) shared++;
  const level = new Set(all.map((parts) => parts[shared]));
  const splits = [...level].map((folder) => folder === undefined ? null : splitInName(folder));
  const exact = [...level].map((folder) => folder === undefined ? null : splitNamed(folder));
  const only = splits.length > 0 && splits.every((split) => split !== null);
  const among = (found: (SplitName | null)[]) =>
    found.includes("train") && found.some((split) => split !== null && split !== "train");
  const half = 2 * splits.filter((split) => split !== null).length >= splits.length;
  return { shared, split: only || among(exact) || among(splits) && half };
}
