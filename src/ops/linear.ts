/**
 * The linear layer y = x·W + b.
 *
 * @module
 */
import type { Tape } from "../graph/tape.ts";
import { expectShape, type Tensor } from "../graph/tensor.ts";
import { conv2d } from "./conv2d.ts";

/**
 * y[m,k] = Σ_c x[m,c] · w[c,k] (+ b[k]), as a convolution of M images of one pixel.
 *
 * @param x [M, C]; `w` [1, 1, C, K]; `b` [K] or none. C and K are multiples of 4.
 * @returns y [M, K]
 */
export function linear(
  tape: Tape,
  { x, w, b, name }: { x: Tensor; w: Tensor; b?: Tensor; name: string },
): Tensor {
  const [M, C] = x.shape;
  expectShape("linear", x, { condition: x.shape.length === 2, expected: "be [M, C]" });
  const y = conv2d(tape, {
    x: tape.reshape(x, [M, 1, 1, C]),
    w,
    bias: b,
    stride: 1,
    pad: 0,
    name,
  });
  return tape.reshape(y, [M, w.shape[3]]);
}
