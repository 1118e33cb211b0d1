/**
 * The spectrum of features: their effective rank, and their principal components.
 *
 * @module
 */
import { EigenvalueDecomposition, Matrix } from "npm:ml-matrix@6.15.1";
import type { LabelledFeatures } from "./features.ts";

/**
 * RankMe (Garrido et al. 2023): exp of the entropy of the singular values of the features [n, D], divided by their sum. It
 * is min(n, D) if all directions have an equal share, and 1 if there is only one direction.
 */
export function rankMe({ features, dims }: Pick<LabelledFeatures, "features" | "dims">): number {
  const values = eigenvalues(gram(features, dims)).map((value) => Math.sqrt(Math.max(value, 0)));
  const total = values.reduce((sum, value) => sum + value, 0);
  if (!(total > 0)) return 0;
  return Math.exp(
    values.reduce((sum, value) => value > 0 ? sum - value / total * Math.log(value / total) : sum, 0),
  );
}

/** F Fᵀ or Fᵀ F, whichever is smaller: their eigenvalues are the squares of F's singular values. In float64. */
function gram(features: Float32Array, dims: number): Matrix {
  const n = features.length / dims, size = Math.min(n, dims);
  // Vectors of which all pairs are multiplied: the rows, or the columns.
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
