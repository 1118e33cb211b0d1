import { outputSize } from "./output_size.ts";

/** Sizes of a max-pool: x [N, H, W, C], y [N, P, Q, C]. */
export interface MaxPoolSizes {
  N: number;
  H: number;
  W: number;
  C: number;
  window: number;
  stride: number;
  padding: number;
}

/** The largest value in each window; what lies outside of x does not count. */
export function maxPool(
  x: ArrayLike<number>,
  { N, H, W, C, window, stride, padding }: MaxPoolSizes,
): Float64Array {
  const P = outputSize(H, { window, stride, padding }), Q = outputSize(W, { window, stride, padding });
  const y = new Float64Array(N * P * Q * C).fill(-Infinity);
  for (let n = 0; n < N; n++) {
    for (let p = 0; p < P; p++) {
      for (let q = 0; q < Q; q++) {
        for (let r = 0; r < window; r++) {
          for (let s = 0; s < window; s++) {
            const h = p * stride + r - padding, v = q * stride + s - padding;
            if (h < 0 || h >= H || v < 0 || v >= W) continue;
            for (let c = 0; c < C; c++) {
              const i = ((n * P + p) * Q + q) * C + c;
              y[i] = Math.max(y[i], x[((n * H + h) * W + v) * C + c]);
            }
          }
        }
      }
    }
  }
  return y;
}
