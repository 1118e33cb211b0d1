import { outputSize } from "./output_size.ts";

/** Sizes of a convolution: x [N, H, W, C], w [R, S, C, K], y [N, P, Q, K]. */
export interface Conv2dSizes {
  N: number;
  H: number;
  W: number;
  C: number;
  K: number;
  R: number;
  S: number;
  stride: number;
  padding: number;
}

/** y[n, p, q, k] = Σ x[n, p·stride + r − padding, q·stride + s − padding, c] · w[r, s, c, k], 0 outside of x. */
export function conv2d(
  { x, w }: Record<"x" | "w", ArrayLike<number>>,
  { N, H, W, C, K, R, S, stride, padding }: Conv2dSizes,
): Float64Array {
  const P = outputSize(H, { window: R, stride, padding }), Q = outputSize(W, { window: S, stride, padding });
  const y = new Float64Array(N * P * Q * K);
  for (let n = 0; n < N; n++) {
    for (let p = 0; p < P; p++) {
      for (let q = 0; q < Q; q++) {
        for (let r = 0; r < R; r++) {
          for (let s = 0; s < S; s++) {
            const h = p * stride + r - padding, v = q * stride + s - padding;
            if (h < 0 || h >= H || v < 0 || v >= W) continue;
            for (let c = 0; c < C; c++) {
              for (let k = 0; k < K; k++) {
                y[((n * P + p) * Q + q) * K + k] += x[((n * H + h) * W + v) * C + c] *
                  w[((r * S + s) * C + c) * K + k];
              }
            }
          }
        }
      }
    }
  }
  return y;
}
