/**
 * Single elements of the convolution's products in double precision: the tuner compares kernels with them.
 *
 * @module
 */
import type { Product } from "./conv2d_geometry.ts";
import type { Geometry } from "./conv2d_geometry.ts";

/** Reads element `i` of the tensor called `name`. */
export type Read = (name: string, i: number) => number;

/** How the product is computed. */
interface Options {
  /** Images. */
  N: number;
  /** Of y: whether the bias is added. */
  bias: boolean;
  /** Of dw: whether the sum is added to what dw holds. */
  more: boolean;
}

/** Computes element `i` of the result of `kind`: y [N, P, Q, K], dx [N, H, W, C] or dw [R, S, C, K]. */
export function elementOf(
  kind: Product,
  geometry: Geometry,
  { N, bias, more }: Options,
): (i: number, read: Read) => number {
  const { H, W, C, P, Q, K, R, S, stride, pad } = geometry;
  const imageAt = (n: number, h: number, w: number, c: number) => ((n * H + h) * W + w) * C + c;
  const outputAt = (n: number, p: number, q: number, k: number) => ((n * P + p) * Q + q) * K + k;
  const weightAt = (r: number, s: number, c: number, k: number) => ((r * S + s) * C + c) * K + k;

  const forward = (i: number, read: Read) => {
    const [n, p, q, k] = indicesOf(i, [P, Q, K]);
    let sum = bias ? read("bias", k) : 0;
    for (let r = 0; r < R; r++) {
      for (let s = 0; s < S; s++) {
        const h = p * stride + r - pad, w = q * stride + s - pad;
        if (h < 0 || h >= H || w < 0 || w >= W) continue;
        for (let c = 0; c < C; c++) sum += read("x", imageAt(n, h, w, c)) * read("w", weightAt(r, s, c, k));
      }
    }
    return sum;
  };
  const backwardData = (i: number, read: Read) => {
    const [n, h, w, c] = indicesOf(i, [H, W, C]);
    let sum = 0;
    for (let r = 0; r < R; r++) {
      for (let s = 0; s < S; s++) {
        const p = (h + pad - r) / stride, q = (w + pad - s) / stride;
        if (!Number.isInteger(p) || !Number.isInteger(q) || p < 0 || p >= P || q < 0 || q >= Q) continue;
        for (let k = 0; k < K; k++) sum += read("dy", outputAt(n, p, q, k)) * read("w", weightAt(r, s, c, k));
      }
    }
    return sum;
  };
  const backwardWeights = (i: number, read: Read) => {
    const [r, s, c, k] = indicesOf(i, [S, C, K]);
    let sum = more ? read("dw", i) : 0;
    for (let n = 0; n < N; n++) {
      for (let p = 0; p < P; p++) {
        const h = p * stride + r - pad;
        if (h < 0 || h >= H) continue;
        for (let q = 0; q < Q; q++) {
          const w = q * stride + s - pad;
          if (w >= 0 && w < W) sum += read("x", imageAt(n, h, w, c)) * read("dy", outputAt(n, p, q, k));
        }
      }
    }
    return sum;
  };
  return { forward, backwardData, backwardWeights }[kind];
}

/** The four indices of element `i` of a tensor, whose last three dimensions are given. */
function indicesOf(
  i: number,
  [B, C, D]: readonly [number, number, number],
): [number, number, number, number] {
  const d = i % D, c = Math.floor(i / D) % C, b = Math.floor(i / (D * C)) % B;
  return [Math.floor(i / (D * C * B)), b, c, d];
}
