/** y = (x − mean) ÷ √(variance + eps) · gamma + beta, for x [rows, C] with the mean and biased variance of each row. */
export function layerNorm(
  { x, gamma, beta }: Record<"x" | "gamma" | "beta", ArrayLike<number>>,
  { C, eps = 1e-6 }: { C: number; eps?: number },
): Float64Array {
  const y = new Float64Array(x.length);
  for (let begin = 0; begin < x.length; begin += C) {
    let mean = 0, variance = 0;
    for (let c = 0; c < C; c++) mean += x[begin + c] / C;
    for (let c = 0; c < C; c++) variance += (x[begin + c] - mean) ** 2 / C;
    const deviation = Math.sqrt(variance + eps);
    for (let c = 0; c < C; c++) y[begin + c] = (x[begin + c] - mean) / deviation * gamma[c] + beta[c];
  }
  return y;
}
