/** Per channel mean and variance (biased: divided by the number of rows) of x [rows, C]. */
export function channelStatistics(
  x: ArrayLike<number>,
  { rows, C }: { rows: number; C: number },
): { mean: Float64Array; variance: Float64Array } {
  const mean = new Float64Array(C), variance = new Float64Array(C);
  for (let i = 0; i < rows * C; i++) mean[i % C] += x[i] / rows;
  for (let i = 0; i < rows * C; i++) variance[i % C] += (x[i] - mean[i % C]) ** 2 / rows;
  return { mean, variance };
}

/** y = (x − mean) ÷ √(variance + eps) · gamma + beta, for x [rows, C]: batch norm in evaluation. */
export function normalize(
  { x, mean, variance, gamma, beta }: Record<"x" | "mean" | "variance" | "gamma" | "beta", ArrayLike<number>>,
  { C, eps = 1e-5 }: { C: number; eps?: number },
): Float64Array {
  return Float64Array.from(x, (value, i) => {
    const c = i % C;
    return (value - mean[c]) / Math.sqrt(variance[c] + eps) * gamma[c] + beta[c];
  });
}

/** Sizes of a batch norm: x [groups, rows, C], where [N, H, W, C] has N·H·W ÷ groups rows a group. */
export interface BatchNormSizes {
  groups: number;
  rows: number;
  C: number;
  /** The weight of a new value in the running statistics. */
  momentum?: number;
  eps?: number;
}

/**
 * Batch norm in training: each group is normalized by its own statistics, and updates the running ones after the previous
 * group. The running variance is unbiased: of rows − 1.
 */
export function batchNorm(
  { x, gamma, beta, running_mean, running_var }: Record<
    "x" | "gamma" | "beta" | "running_mean" | "running_var",
    ArrayLike<number>
  >,
  { groups, rows, C, momentum = 0.1, eps = 1e-5 }: BatchNormSizes,
): Record<"y" | "running_mean" | "running_var", Float64Array> {
  const y = new Float64Array(groups * rows * C);
  const runningMean = Float64Array.from(running_mean), runningVariance = Float64Array.from(running_var);
  for (let g = 0; g < groups; g++) {
    const group = Float64Array.from({ length: rows * C }, (_, i) => x[g * rows * C + i]);
    const { mean, variance } = channelStatistics(group, { rows, C });
    y.set(normalize({ x: group, mean, variance, gamma, beta }, { C, eps }), g * rows * C);
    for (let c = 0; c < C; c++) {
      runningMean[c] += momentum * (mean[c] - runningMean[c]);
      runningVariance[c] += momentum * (variance[c] * rows / (rows - 1) - runningVariance[c]);
    }
  }
  return { y, running_mean: runningMean, running_var: runningVariance };
}
