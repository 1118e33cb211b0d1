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

/** Calls `visit` with the indices of every product of y[n, p, q, k] += x[i] · w[j], given y's. */
function eachProduct(
  { N, H, W, C, K, R, S, stride, padding }: Conv2dSizes,
  visit: (y: number, x: number, w: number) => void,
): void {
  const P = outputSize(H, { window: R, stride, padding }), Q = outputSize(W, { window: S, stride, padding });
  for (let n = 0; n < N; n++) {
    for (let p = 0; p < P; p++) {
      for (let q = 0; q < Q; q++) {
        for (let r = 0; r < R; r++) {
          for (let s = 0; s < S; s++) {
            const h = p * stride + r - padding, v = q * stride + s - padding;
            if (h < 0 || h >= H || v < 0 || v >= W) continue;
            for (let c = 0; c < C; c++) {
              for (let k = 0; k < K; k++) {
                visit(
                  ((n * P + p) * Q + q) * K + k,
                  ((n * H + h) * W + v) * C + c,
                  ((r * S + s) * C + c) * K + k,
                );
              }
            }
          }
        }
      }
    }
  }
}

/** y[n, p, q, k] = Σ x[n, p·stride + r − padding, q·stride + s − padding, c] · w[r, s, c, k], 0 outside of x. */
export function conv2d(
  { x, w }: Record<"x" | "w", ArrayLike<number>>,
  sizes: Conv2dSizes,
): Float64Array {
  const { N, H, W, K, R, S, stride, padding } = sizes;
  const P = outputSize(H, { window: R, stride, padding }), Q = outputSize(W, { window: S, stride, padding });
  const y = new Float64Array(N * P * Q * K);
  eachProduct(sizes, (i, j, l) => y[i] += x[j] * w[l]);
  return y;
}

/** The gradients of Σ dy · y: each product of y counts once for its x and once for its w. */
export function conv2dGradients(
  { x, w, dy }: Record<"x" | "w" | "dy", ArrayLike<number>>,
  sizes: Conv2dSizes,
): Record<"dx" | "dw", Float64Array> {
  const dx = new Float64Array(x.length), dw = new Float64Array(w.length);
  eachProduct(sizes, (i, j, l) => {
    dx[j] += dy[i] * w[l];
    dw[l] += dy[i] * x[j];
  });
  return { dx, dw };
}
