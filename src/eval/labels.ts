/**
 * The labels of an evaluation: classes, the rows that have one, a subset of these, the confusion matrix.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import type { EvaluationData } from "./data.ts";
import { keyedRandom, permutation } from "../base/random.ts";

/** Numbers of neighbors by default. */
export const DEFAULT_KS: readonly number[] = [20, 200];
/** Key of the draw of the labels to learn from. */
const LABELS_KEY = 2 ** 43;

/** A fraction `share` of `rows`, drawn by `seed`: equally many per class, at least one, or all where a class has fewer. */
export function stratifiedSubset(
  rows: number[],
  { labels, classes, share, seed }: { labels: Int32Array; classes: number; share: number; seed: number },
): number[] {
  if (share === 1) return rows;
  const perClass = Math.max(1, Math.round(share * rows.length / classes));
  const taken = new Array<number>(classes).fill(0);
  const order = permutation(rows.length, keyedRandom(seed, LABELS_KEY));
  return Array.from(order, (i) => rows[i])
    .filter((row) => taken[labels[row]]++ < perClass)
    .sort((a, b) => a - b);
}

/** Names of the classes: the source's, or numbers up to the largest label. */
export function classesOf({ classes, train, test }: EvaluationData, labels: Int32Array[]): string[] {
  const largest = labels.flatMap((part) => [...part]).reduce((a, b) => Math.max(a, b), -1);
  const names = classes.length ? classes : Array.from({ length: largest + 1 }, (_, k) => `${k}`);
  if (names.length > 1) return names;
  throw new UserError(
    `Cannot evaluate on "${train.source.name}" and "${test.source.name}": labels of at least two classes are needed, ` +
      `found ${
        names.length === 0 ? "no labels" : "one class"
      }. Put the images of each class in a folder of its own, ` +
      `or name labeled data: --train, --test.`,
  );
}

/** The rows that have a label. */
export function labeledRows(labels: Int32Array, source: string): number[] {
  const rows = [...labels.keys()].filter((i) => labels[i] >= 0);
  if (rows.length) return rows;
  throw new UserError(
    `Cannot evaluate on "${source}": none of its ${labels.length} images has a label. Name labeled data: --train, ` +
      `--test.`,
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

/** The confusion matrix of `predictions`, and the accuracy per class. Samples without a label are left out. */
export function confusionOf(
  predictions: Int32Array,
  { labels, classes }: { labels: Int32Array; classes: number },
): { perClass: (number | null)[]; confusion: number[][] } {
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  labels.forEach((label, i) => {
    if (label >= 0) confusion[label][predictions[i]]++;
  });
  const perClass = confusion.map((row, k) => {
    const count = row.reduce((sum, n) => sum + n, 0);
    return count ? row[k] / count : null;
  });
  return { perClass, confusion };
}
