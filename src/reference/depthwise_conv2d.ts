/** Sizes of a depthwise convolution: x and y [N, H, W, C], w [R, S, C]. R and S are odd. */
export interface DepthwiseSizes {
  N: number;
  H: number;
  W: number;
  C: number;
  R: number;
  S: number;
}

/** y[n, h, v, c] = bias[c] + Σ x[n, h + r − (R − 1) ÷ 2, v + s − (S − 1) ÷ 2, c] · w[r, s, c], 0 outside of x. */
export function depthwiseConv2d(
  { x, w, bias }: Record<"x" | "w" | "bias", ArrayLike<number>>,
  { N, H, W, C, R, S }: DepthwiseSizes,
): Float64Array {
  const y = Float64Array.from({ length: N * H * W * C }, (_, i) => bias[i % C]);
  for (let n = 0; n < N; n++) {
    for (let h = 0; h < H; h++) {
      for (let v = 0; v < W; v++) {
        for (let r = 0; r < R; r++) {
          for (let s = 0; s < S; s++) {
            const p = h + r - (R - 1) / 2, q = v + s - (S - 1) / 2;
            if (p < 0 || p >= H || q < 0 || q >= W) continue;
            for (let c = 0; c < C; c++) {
              y[((n * H + h) * W + v) * C + c] += x[((n * H + p) * W + q) * C + c] * w[(r * S + s) * C + c];
            }
          }
        }
      }
    }
  }
  return y;
}
