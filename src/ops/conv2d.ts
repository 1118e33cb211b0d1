/**
 * Two-dimensional convolution, NHWC. A linear layer is the case of 1 × 1 pixels and taps.
 *
 * @module
 */
import type { Tape } from "../graph/tape.ts";
import { expectShape, type Tensor } from "../graph/tensor.ts";
import { product } from "./conv2d_product.ts";
import { sumParts } from "./sum_parts.ts";

/**
 * y[n,p,q,k] = Σ_r,s,c x[n, p·stride + r − pad, q·stride + s − pad, c] · w[r,s,c,k] (+ bias[k])
 *
 * @param x [N, H, W, C] with C a multiple of 4.
 * @param options `w`: [R, S, C, K] with K a multiple of 4, its gradient goes to `w.gradient`; `bias`: [K] or none,
 * likewise; `stride` and `pad` in pixels.
 * @returns y [N, P, Q, K] with P = ⌊(H + 2·pad − R) / stride⌋ + 1 and Q alike.
 */
export function conv2d(
  tape: Tape,
  { x, w, bias, stride, pad, name }: {
    x: Tensor;
    w: Tensor;
    bias?: Tensor;
    stride: number;
    pad: number;
    name: string;
  },
): Tensor {
  const [N, H, W, C] = x.shape;
  const [R, S, inChannels, K] = w.shape;
  expectShape("conv2d", x, {
    condition: x.shape.length === 4 && C === inChannels && C % 4 === 0,
    expected: `be [N, H, W, C] with ${inChannels} channels, a multiple of 4`,
  });
  expectShape("conv2d", w, {
    condition: w.shape.length === 4 && K % 4 === 0,
    expected: "have a multiple of 4 filters",
  });
  const P = Math.floor((H + 2 * pad - R) / stride) + 1;
  const Q = Math.floor((W + 2 * pad - S) / stride) + 1;
  expectShape("conv2d", x, {
    condition: P > 0 && Q > 0,
    expected: `be at least ${R} × ${S} pixels with padding ${pad}`,
  });

  const y = tape.tensor(`${name}.y`, [N, P, Q, K]);
  const geometry = { H, W, C, P, Q, K, R, S, stride, pad };
  product(tape, "forward", {
    name,
    geometry,
    images: { x, y },
    others: { w, bias: bias ?? w },
    constants: { BIAS: Number(bias !== undefined) },
    extent: (N) => ({ rows: N * P * Q, columns: K, count: 1, depth: R * S * C }),
  });
  tape.recordBackward(y, (dy) => {
    if (bias?.gradient) {
      sumParts(tape, { parts: tape.reshape(dy, [N * P * Q, K]), total: bias.gradient });
    }
    if (w.gradient) {
      product(tape, "backwardWeights", {
        name,
        geometry,
        images: { x, dy },
        others: { dw: w.gradient },
        extent: (N) => ({ rows: R * S * C, columns: K, count: 1, depth: N * P * Q }),
      });
    }
    if (!tape.needsGradient(x)) return;
    const dx = tape.tensor(`${name}.dx`, x.shape);
    const along = (size: number) => Math.ceil(size / stride);
    product(tape, "backwardData", {
      name,
      geometry,
      images: { dy, dx },
      others: { w },
      extent: (N) => ({
        rows: N * along(H) * along(W),
        columns: C,
        count: stride * stride, // one class of pixels for each pair of remainders by the stride, see the kernel
        depth: along(R) * along(S) * K,
      }),
    });
    tape.accumulate(x, dx);
  });
  return y;
}
