import { cosine } from "../../src/reference/cosine.ts";

/** Sizes and settings of kNN: features [N, D], labels [N], queries [Q, D]. */
export interface KnnOptions {
  N: number;
  Q: number;
  D: number;
  /** Neighbors that vote, and the temperature of their votes. */
  k: number;
  T: number;
  classes: number;
}

/**
 * The weighted kNN of Wu et al. (2018, section 3.4): the k features nearest to a query by cosine vote for their
 * class with exp(cosine ÷ T). Among equally near features the first counts, among equal votes the lowest class.
 */
export function knn(
  { features, labels, queries }: Record<"features" | "labels" | "queries", ArrayLike<number>>,
  { N, Q, D, k, T, classes }: KnnOptions,
): { votes: Float64Array; predictions: Float64Array } {
  const votes = new Float64Array(Q * classes), predictions = new Float64Array(Q);
  for (let q = 0; q < Q; q++) {
    const neighbors = Array.from({ length: N }, (_, n) => ({
      similarity: cosine([queries, q], [features, n], D),
      label: labels[n],
    }));
    neighbors.sort((a, b) => b.similarity - a.similarity); // stable
    for (const { similarity, label } of neighbors.slice(0, k)) {
      votes[q * classes + label] += Math.exp(similarity / T);
    }
    const own = votes.subarray(q * classes, (q + 1) * classes);
    predictions[q] = own.indexOf(Math.max(...own));
  }
  return { votes, predictions };
}
