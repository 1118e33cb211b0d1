/**
 * The linear layer y = x·W + b.
 *
 * @module
 */
import code from "../../kernels/bias.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import type { Tape } from "../graph/tape.ts";
import { expectShape, type Tensor } from "../graph/tensor.ts";
import { conv2d } from "./conv2d.ts";
import { sumParts } from "./sum_parts.ts";

const biasKernel: Kernel = {
  name: "bias",
  code,
  bindings: { b: "read", y: "read_write" },
  params: { M: "u32", C: "u32" },
};

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
  const K = w.shape[3];
  expectShape("linear", x, { condition: x.shape.length === 2, expected: "be [M, C]" });
  const pixels = tape.reshape(x, [M, 1, 1, C]);
  const y = conv2d(tape, { x: pixels, w, stride: 1, pad: 0, name });
  const rows = tape.reshape(y, [M, K]);
  if (!b) return rows;
  tape.dispatch(biasKernel, {
    tensors: { b, y: rows },
    params: { M, C: K },
    grid: tape.grid(Math.ceil(M * K / 4 / 64)),
  });
  tape.note(rows, (dy) => {
    if (b.gradient) sumParts(tape, { parts: dy, total: b.gradient });
  });
  return rows;
}
