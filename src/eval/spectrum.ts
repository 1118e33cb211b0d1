/**
 * The spectrum of features: their effective rank, and their principal components.
 *
 * @module
 */
import { EigenvalueDecomposition, Matrix } from "npm:ml-matrix@6.15.1";
import type { LabeledFeatures } from "./features.ts";

/**
 * RankMe (Garrido et al. 2023): exp of the entropy of the normalized singular values of the features [n, D]. It is
 * min(n, D) if all singular values are equal, 1 if there is only one direction, and 0 if all features are 0 or any is not
 * finite.
 */
export function rankMe({ features, dims }: Pick<LabeledFeatures, "features" | "dims">): number {
  if (!features.every(Number.isFinite)) return 0; // the encoder diverged
  const values = eigenvalues(gram(features, dims)).map((value) => Math.sqrt(Math.max(value, 0)));
  const total = values.reduce((sum, value) => sum + value, 0);
  if (!(total > 0)) return 0;
  return Math.exp(
    values.reduce((sum, value) => value > 0 ? sum - value / total * Math.log(value / total) : sum, 0),
  );
}

/** F Fᵀ or Fᵀ F, the smaller one, in float64. Its eigenvalues are the squares of F's singular values. */
function gram(features: Float32Array, dims: number): Matrix {
  const n = features.length / dims, size = Math.min(n, dims);
  // All pairs of rows, or of columns, are multiplied.
  const vectors = Array.from(
    { length: size },
    (_, i) =>
      n < dims
        ? Float64Array.from(features.subarray(i * dims, (i + 1) * dims))
        : Float64Array.from({ length: n }, (_, row) => features[row * dims + i]),
  );
  const result = Matrix.zeros(size, size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      const a = vectors[i], b = vectors[j];
      let sum = 0;
      for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
      result.set(i, j, sum);
      result.set(j, i, sum);
    }
  }
  return result;
}

const eigenvalues = (symmetric: Matrix) =>
  new EigenvalueDecomposition(symmetric, { assumeSymmetric: true }).realEigenvalues;

/**
 * The first principal components of features [n, D]: the samples' coordinates along them, [n, count], and the fraction of
 * the variance that each explains. The sign of a component puts the sample farthest out on the positive side.
 */
export function principalComponents(
  { features, dims }: Pick<LabeledFeatures, "features" | "dims">,
  count: number,
): { scores: Float64Array; shares: number[] } {
  const n = features.length / dims, scores = new Float64Array(n * count);
  const centered = Float32Array.from(features);
  for (let d = 0; d < dims; d++) {
    let mean = 0;
    for (let i = 0; i < n; i++) mean += features[i * dims + d] / n;
    for (let i = 0; i < n; i++) centered[i * dims + d] -= mean;
  }
  const found = new EigenvalueDecomposition(gram(centered, dims), { assumeSymmetric: true });
  const values = found.realEigenvalues, vectors = found.eigenvectorMatrix;
  const order = [...values.keys()].sort((a, b) => values[b] - values[a]);
  const total = values.reduce((sum, value) => sum + Math.max(value, 0), 0);
  const shares = Array.from({ length: count }, (_, c) => {
    const k = order[c];
    if (k === undefined || !(total > 0)) return 0;
    for (let i = 0; i < n; i++) {
      // The eigenvectors belong to the samples, or to the dimensions.
      if (n < dims) scores[i * count + c] = vectors.get(i, k) * Math.sqrt(Math.max(values[k], 0));
      else for (let d = 0; d < dims; d++) scores[i * count + c] += centered[i * dims + d] * vectors.get(d, k);
    }
    let farthest = 0;
    for (let i = 0; i < n; i++) {
      if (Math.abs(scores[i * count + c]) > Math.abs(farthest)) farthest = scores[i * count + c];
    }
    if (farthest < 0) { for (let i = 0; i < n; i++) scores[i * count + c] *= -1; }
    return Math.max(values[k], 0) / total;
  });
  return { scores, shares };
}
