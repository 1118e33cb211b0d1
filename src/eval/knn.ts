/**
 * Weighted k-nearest-neighbor classification (Wu et al. 2018): each of the k references nearest by cosine votes for its
 * class with weight exp(cosine / T).
 *
 * @module
 */
import type { Gpu } from "../gpu/device.ts";
import { type LabeledFeatures, rowsOf } from "./features.ts";
import { nearestNeighbors, type Neighbors } from "./neighbors.ts";

/** Number of neighbors, and temperature. */
export interface KnnOptions {
  k: number;
  /** Temperature of the votes, 0.1 by default. */
  T?: number;
}

/** The default k: 200, or 20 with fewer than 5,000 references. */
export function defaultK(references: number): number {
  return references < 5000 ? 20 : 200;
}

/** Result of a classification. */
export interface KnnResult {
  /** Fraction of labeled queries whose class was predicted, 0 … 1. */
  accuracy: number;
  /** The predicted class of each query; −1 for queries without a label. */
  predictions: Int32Array<ArrayBuffer>;
}

/** Samples that vote, and samples to classify. */
interface KnnSets {
  references: LabeledFeatures;
  queries: LabeledFeatures;
}

/** The fraction of `queries` whose label `references` predict, 0 … 1; see {@linkcode knnClassify}. */
export async function knnAccuracy(gpu: Gpu, { k, ...options }: KnnSets & KnnOptions): Promise<number> {
  const [{ accuracy }] = await knnClassify(gpu, { ...options, ks: [k] });
  return accuracy;
}

/**
 * Classifies `queries` by `references`, for each number of neighbors in `ks`. Samples without a label are left out. With
 * equal votes the first class is predicted.
 *
 * Cosines are a matrix product on the GPU; votes are counted on the CPU.
 */
export async function knnClassify(
  gpu: Gpu,
  { references, queries, ks, T = 0.1 }: KnnSets & Omit<KnnOptions, "k"> & { ks: readonly number[] },
): Promise<KnnResult[]> {
  const known = withLabels(references), asked = withLabels(queries);
  if (!known.labels.length || !asked.labels.length || known.dims !== asked.dims) {
    throw new RangeError(
      `Cannot classify ${asked.labels.length} labeled queries of ${asked.dims} dimensions by ${known.labels.length} ` +
        `labeled references of ${known.dims}: there must be some of both, and their dimensions must agree.`,
    );
  }
  const nearest = await nearestNeighbors(gpu, { known, asked, k: Math.max(...ks) });
  return ks.map((k) => {
    const predicted = nearest.map((found) => vote(found, { labels: known.labels, k, T }));
    const right = predicted.filter((label, i) => label === asked.labels[i]).length;
    let at = 0;
    return {
      accuracy: right / asked.labels.length,
      predictions: queries.labels.map((label) => label >= 0 ? predicted[at++] : -1),
    };
  });
}

/** The class with the most votes of the nearest `k`. */
function vote(
  { rows, cosines }: Neighbors,
  { labels, k, T }: { labels: Int32Array; k: number; T: number },
): number {
  const votes = new Map<number, number>();
  for (let i = Math.max(0, rows.length - k); i < rows.length; i++) {
    const label = labels[rows[i]];
    votes.set(label, (votes.get(label) ?? 0) + Math.exp(cosines[i] / T));
  }
  return [...votes].sort(([a, x], [b, y]) => y - x || a - b)[0][0];
}

function withLabels(samples: LabeledFeatures): LabeledFeatures {
  const rows = Uint32Array.from(samples.labels.keys()).filter((i) => samples.labels[i] >= 0);
  return rows.length === samples.labels.length ? samples : rowsOf(samples, rows);
}
