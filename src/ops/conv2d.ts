/**
 * Two-dimensional convolution, NHWC. A linear layer is the special case of 1 × 1 pixels and a 1 × 1 kernel.
 *
 * @module
 */
import type { Tape } from "../graph/tape.ts";
import { expectShape, type Tensor, weightsFor } from "../graph/tensor.ts";
import { sumChannels } from "./channel_totals.ts";
import type { Geometry } from "./conv2d_geometry.ts";
import { product } from "./conv2d_product.ts";
import { sumParts } from "./sum_parts.ts";

/** The operands of a convolution. */
export interface Conv2dOptions {
  x: Tensor;
  w: Tensor;
  bias?: Tensor;
  stride: number;
  pad: number;
  name: string;
}

/**
 * y[n,p,q,k] = Σ_r,s,c x[n, p·stride + r − pad, q·stride + s − pad, c] · w[r,s,c,k] (+ bias[k])
 *
 * @param x [N, H, W, C] with C a multiple of 4.
 * @param options `w`: [R, S, C, K] with K a multiple of 4, whose gradient is written to `w.gradient`; `bias`: [K] or none,
 * likewise; `stride` and `pad` in pixels.
 * @returns y [N, P, Q, K] with P = ⌊(H + 2·pad − R) / stride⌋ + 1 and Q alike.
 */
export function conv2d(tape: Tape, options: Conv2dOptions): Tensor {
  const { x, w, bias, name } = options, [N] = x.shape;
  const geometry = geometryOf(options), { P, Q, C, K, R, S } = geometry;
  const y = tape.tensor(`${name}.y`, [N, P, Q, K], x.type);
  product(tape, "forward", {
    name,
    geometry,
    images: { x, y },
    others: { w: weightsFor(x, w), bias: bias ?? w },
    constants: { BIAS: Number(bias !== undefined) },
    extent: (N) => ({ rows: N * P * Q, columns: K, count: 1, depth: R * S * C }),
  });
  tape.recordBackward(y, (dy) => recordGradients(tape, { ...options, geometry, dy }));
  return y;
}

/** The sizes of the convolution; checks the shapes. */
function geometryOf({ x, w, stride, pad }: Conv2dOptions): Geometry {
  const [, H, W, C] = x.shape;
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
  return { H, W, C, P, Q, K, R, S, stride, pad };
}

/** Appends the gradients of bias, w and x. */
function recordGradients(
  tape: Tape,
  { x, w, bias, name, geometry, dy }: Conv2dOptions & { geometry: Geometry; dy: Tensor },
): void {
  const [N] = x.shape, { H, W, C, P, Q, K, R, S, stride } = geometry;
  if (bias?.gradient && P * Q === 1) {
    sumParts(tape, { parts: tape.reshape(dy, [N, K]), total: bias.gradient });
  } else if (bias?.gradient) {
    // Too many rows for one invocation to sum.
    sumChannels(tape, { dy, first: bias.gradient, name: `${name}.bias partials` });
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
  const dx = tape.tensor(`${name}.dx`, x.shape, x.type);
  const along = (size: number) => Math.ceil(size / stride);
  product(tape, "backwardData", {
    name,
    geometry,
    images: { dy, dx },
    others: { w: weightsFor(x, w) },
    extent: (N) => ({
      rows: N * along(H) * along(W),
      columns: C,
      count: stride * stride, // one class of pixels for each pair of remainders by the stride, see the kernel
      depth: along(R) * along(S) * K,
    }),
  });
  tape.accumulate(x, dx);
}
