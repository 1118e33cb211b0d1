/** y[n, c]: the mean of x [N, H, W, C] over H and W. */
export function globalAveragePool(
  x: ArrayLike<number>,
  { N, H, W, C }: Record<"N" | "H" | "W" | "C", number>,
): Float64Array {
  const y = new Float64Array(N * C);
  for (let n = 0; n < N; n++) {
    for (let i = 0; i < H * W; i++) {
      for (let c = 0; c < C; c++) y[n * C + c] += x[(n * H * W + i) * C + c] / (H * W);
    }
  }
  return y;
}
