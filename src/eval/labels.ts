/**
 * The labels of an evaluation: the rows that have one, a subset of these, what is confused with what.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { counted } from "../base/format.ts";
import { keyedRandom, permutation } from "../base/random.ts";
import type { Confusion } from "./types.ts";

/** Numbers of neighbors by default. */
export const DEFAULT_KS: readonly number[] = [20, 200];
/** Key of the draw of the labels to learn from. */
const LABELS_KEY = 2 ** 43;
/** With more classes there is no confusion matrix, but only the most frequent confusions. */
export const MAX_MATRIX = 100;
/** The most confusions that are listed. */
const MAX_CONFUSIONS = 100;

/**
 * A fraction `share` of `rows`, drawn by `seed`: equally many of each class that occurs, at least one, or all where a class
 * has fewer.
 */
export function stratifiedSubset(
  rows: Uint32Array,
  { labels, share, seed }: { labels: Int32Array; share: number; seed: number },
): Uint32Array {
  if (share === 1) return rows;
  const taken = new Map<number, number>();
  for (const row of rows) taken.set(labels[row], 0);
  const perClass = Math.max(1, Math.round(share * rows.length / taken.size));
  const order = permutation(rows.length, keyedRandom(seed, LABELS_KEY)).map((i) => rows[i]);
  const isTaken = (row: number) => {
    const before = taken.get(labels[row])!;
    taken.set(labels[row], before + 1);
    return before < perClass;
  };
  return order.filter(isTaken).sort();
}

/** The rows that have a label. */
export function labeledRows(labels: Int32Array, source: string): Uint32Array {
  const rows = Uint32Array.from(labels.keys()).filter((i) => labels[i] >= 0);
  if (rows.length) return rows;
  throw new UserError(
    `Cannot evaluate on "${source}": none of its ${
      counted(labels.length, "image")
    } has a label. Put the images of each ` +
      `class in a folder of its own, or name labeled data: --train, --test.`,
  );
}

/** Numbers of neighbors in ascending order: the given ones, or the default ones as far as there are `references`. */
export function neighborCounts(given: number | readonly number[] | undefined, references: number): number[] {
  const counts = given === undefined
    ? DEFAULT_KS.filter((k, i) => i === 0 || k <= references).map((k) => Math.min(k, references))
    : [given].flat();
  const large = counts.find((k) => k > references);
  if (large === undefined) return [...new Set(counts)].sort((a, b) => a - b);
  throw new UserError(
    `Cannot use ${large} neighbors: there are ${references} labeled images to learn from. Lower --k.`,
  );
}

/** What a classifier predicts for the labeled samples, by class. */
export interface ConfusionFigures {
  /** Accuracy per class; null for a class without samples. */
  perClass: (number | null)[];
  /** How many samples of class i were predicted as class j; null with more than {@linkcode MAX_MATRIX} classes. */
  confusion: number[][] | null;
  /** Instead of such a matrix: the most frequent confusions; otherwise null. */
  topConfusions: Confusion[] | null;
}

/** The confusions of `predictions`. Samples without a label are left out. */
export function confusionOf(
  predictions: Int32Array,
  { labels, classes }: { labels: Int32Array; classes: readonly string[] },
): ConfusionFigures {
  const n = classes.length, counts = new Uint32Array(n), right = new Uint32Array(n);
  const pairs = new Map<number, number>();
  labels.forEach((label, i) => {
    if (label < 0) return;
    counts[label]++;
    if (predictions[i] === label) right[label]++;
    const pair = label * n + predictions[i];
    pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
  });
  const perClass = Array.from(counts, (count, k) => count ? right[k] / count : null);
  if (n > MAX_MATRIX) return { perClass, confusion: null, topConfusions: mostFrequent(pairs, classes) };
  const confusion = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  for (const [pair, count] of pairs) confusion[Math.floor(pair / n)][pair % n] = count;
  return { perClass, confusion, topConfusions: null };
}

/** The pairs of different classes that occur most often, of equally frequent ones those of the first classes. */
function mostFrequent(pairs: ReadonlyMap<number, number>, classes: readonly string[]): Confusion[] {
  const n = classes.length;
  return [...pairs]
    .filter(([pair]) => Math.floor(pair / n) !== pair % n)
    .sort(([a, x], [b, y]) => y - x || a - b)
    .slice(0, MAX_CONFUSIONS)
    .map(([pair, count]) => ({ actual: classes[Math.floor(pair / n)], predicted: classes[pair % n], count }));
}
