/** Mean and standard deviation over repeated runs. */

/** A mean of repeated runs. */
export interface Estimate {
  mean: number;
  /** Sample standard deviation, with n − 1 in the denominator; null for a single value. */
  sd: number | null;
  n: number;
}

/** Mean and standard deviation of `values`; null if there are none. */
export function estimate(values: readonly number[]): Estimate | null {
  const n = values.length;
  if (n === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) return { mean, sd: null, n };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, sd: Math.sqrt(squares / (n - 1)), n };
}
