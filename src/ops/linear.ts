/**
 * The linear layer y = x·W + b.
 *
 * @module
 */
import type { Tape } from "../graph/tape.ts";
import { expectShape, type Tensor } from "../graph/tensor.ts";
import { conv2d } from "./conv2d.ts";

/**
 * y[m,k] = Σ_c x[m,c] · w[c,k] (+ b[k]), as a convolution of M images of one pixel; of images, each pixel is a row.
 *
 * @param x [M, C] or [N, H, W, C]; `w` [1, 1, C, K]; `b` [K] or none. C and K are multiples of 4.
 * @returns y [M, K] or [N, H, W, K]
 */
export function linear(
  tape: Tape,
  { x, w, b, name }: { x: Tensor; w: Tensor; b?: Tensor; name: string },
): Tensor {
  const { shape } = x, [M, C] = shape, isImages = shape.length === 4;
  expectShape("linear", x, {
    condition: isImages || shape.length === 2,
    expected: "be [M, C] or [N, H, W, C]",
  });
  const images = isImages ? x : tape.reshape(x, [M, 1, 1, C]);
  const y = conv2d(tape, { x: images, w, bias: b, stride: 1, pad: 0, name });
  return isImages ? y : tape.reshape(y, [M, w.shape[3]]);
}
