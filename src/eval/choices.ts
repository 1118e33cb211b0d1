/**
 * What an evaluation takes of its data, and what it refuses.
 *
 * @module
 */
import type { GivenEvaluateFlags } from "../config/evaluate_flags.ts";
import { UserError } from "../base/errors.ts";
import type { EvaluationData } from "./data.ts";
import { keyedRandom, permutation } from "../base/random.ts";

/** The neighbours that are asked by default. */
export const KS: readonly number[] = [20, 200];
/** Keeps the draw of the labels that teach apart from others. */
const LABELS_KEY = 2 ** 43;

/** Of `rows` a share, drawn by the seed: as many of each class, at least one, or all where a class has fewer. */
export function someOfEach(
  rows: number[],
  { labels, classes, share, seed }: { labels: Int32Array; classes: number; share: number; seed: number },
): number[] {
  if (share === 1) return rows;
  const most = Math.max(1, Math.round(share * rows.length / classes));
  const taken = new Array<number>(classes).fill(0);
  const order = permutation(rows.length, keyedRandom(seed, LABELS_KEY));
  return Array.from(order, (i) => rows[i]).filter((row) => taken[labels[row]]++ < most).sort((a, b) => a - b);
}

/** The names of the classes: the source's, or numbers up to the largest label. */
export function classesOf({ classes, train, test }: EvaluationData, labels: Int32Array[]): string[] {
  const most = labels.flatMap((part) => [...part]).reduce((a, b) => Math.max(a, b), -1);
  const names = classes.length ? classes : Array.from({ length: most + 1 }, (_, k) => `${k}`);
  if (names.length > 1) return names;
  throw new UserError(
    `Cannot evaluate on ${train.source.name} and ${test.source.name} as there must be labels of at least two classes: ` +
      `found ${
        names.length === 0 ? "no labels" : "one class"
      }. Put the images of each class in a folder of its own, or ` +
      `name labelled data: --train, --test.`,
  );
}

/** The rows that have a label. */
export function labelledRows(labels: Int32Array, source: string): number[] {
  const rows = [...labels.keys()].filter((i) => labels[i] >= 0);
  if (rows.length) return rows;
  throw new UserError(
    `Cannot evaluate on ${source} as its images must have labels: none of ${labels.length} has one. Name labelled ` +
      `data: --train, --test.`,
  );
}

/** The numbers of neighbours, rising: those asked for, or of the usual ones those that there are. */
export function neighbours({ k }: GivenEvaluateFlags, references: number): number[] {
  const asked = k === undefined ? KS.filter((k, i) => i === 0 || k <= references) : [k].flat();
  const ks = k === undefined ? asked.map((k) => Math.min(k, references)) : asked;
  const large = ks.find((k) => k > references);
  if (large === undefined) return [...new Set(ks)].sort((a, b) => a - b);
  throw new UserError(
    `Cannot ask ${large} neighbours as there must be as many labelled images to learn from: there are ${references}. ` +
      `Lower --k.`,
  );
}

/** Who was taken for whom. */
export function confused(
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
