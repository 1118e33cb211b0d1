/** Hypothesis tests. Each returns a statistic divided by its critical value: above 1 the hypothesis is rejected. */

/** The probability with which each test rejects a true hypothesis. */
export const LEVEL = 1e-3;

/** Critical value of √n·D at LEVEL: √(−ln(LEVEL / 2) / 2), of Kolmogorov's distribution. */
const KOLMOGOROV = 1.9495;

/** Critical values of χ² at LEVEL, by degrees of freedom. */
const CHI_SQUARE: Record<number, number> = { 1: 10.828, 23: 49.728 };

const byValue = (values: number[]) => Float64Array.from(values).sort();

/** Kolmogorov–Smirnov: are `values` uniform in [0, 1]? */
export function uniform(values: number[]): number {
  const n = values.length;
  let distance = 0;
  byValue(values).forEach((x, i) => distance = Math.max(distance, (i + 1) / n - x, x - i / n));
  return Math.sqrt(n) * distance / KOLMOGOROV;
}

/** Kolmogorov–Smirnov: do two samples have the same distribution? Ties, as of integers, make it reject less often. */
export function sameDistribution(a: number[], b: number[]): number {
  const x = byValue(a), y = byValue(b);
  let distance = 0;
  for (let i = 0, j = 0; i < x.length && j < y.length;) {
    const at = Math.min(x[i], y[j]);
    while (i < x.length && x[i] === at) i++;
    while (j < y.length && y[j] === at) j++;
    distance = Math.max(distance, Math.abs(i / x.length - j / y.length));
  }
  return Math.sqrt(x.length * y.length / (x.length + y.length)) * distance / KOLMOGOROV;
}

/** Pearson's χ²: do `counts` follow `probabilities`? Classes of probability 0 must have count 0. */
export function frequencies(counts: number[], probabilities: number[]): number {
  const n = counts.reduce((a, b) => a + b);
  let sum = 0, classes = 0;
  counts.forEach((count, k) => {
    const expected = n * probabilities[k];
    if (expected > 0) [sum, classes] = [sum + (count - expected) ** 2 / expected, classes + 1];
    else if (count > 0) sum = Infinity;
  });
  return classes === 1 ? sum : sum / CHI_SQUARE[classes - 1];
}

/** χ² for two classes: is `hits` of `n` what the probability `p` gives? */
export function rate(hits: number, n: number, p: number): number {
  return frequencies([hits, n - hits], [p, 1 - p]);
}

/** √n times the correlation of two samples: nearly normal with variance 1 if they are independent. */
export function correlation(a: number[], b: number[]): number {
  const n = a.length, mean = (x: number[]) => x.reduce((s, v) => s + v, 0) / n;
  const ma = mean(a), mb = mean(b);
  let ab = 0, aa = 0, bb = 0;
  for (let i = 0; i < n; i++) {
    const x = a[i] - ma, y = b[i] - mb;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return Math.sqrt(n) * ab / Math.sqrt(aa * bb);
}
