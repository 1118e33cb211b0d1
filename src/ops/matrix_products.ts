/**
 * The products of two matrices, by the kernels of the linear layer: those of y = x·W and of its two gradients.
 *
 * No gradient is recorded on the tape. C and K are multiples of 4.
 *
 * @module
 */
import type { Tape } from "../graph/tape.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Geometry } from "./conv2d_geometry.ts";
import { product } from "./conv2d_product.ts";

function geometryOf(C: number, K: number): Geometry {
  return { H: 1, W: 1, C, P: 1, Q: 1, K, R: 1, S: 1, stride: 1, pad: 0 };
}

const asImages = (tape: Tape, matrix: Tensor) =>
  tape.reshape(matrix, [matrix.shape[0], 1, 1, matrix.shape[1]]);
const asWeights = (tape: Tape, matrix: Tensor) => tape.reshape(matrix, [1, 1, ...matrix.shape]);

/** a·b [M, K] of a [M, C] and b [C, K]. */
export function times(tape: Tape, name: string, { a, b }: { a: Tensor; b: Tensor }): Tensor {
  const [M, C] = a.shape, [, K] = b.shape;
  const y = tape.tensor(`${name}.y`, [M, K]), w = asWeights(tape, b);
  product(tape, "forward", {
    name,
    geometry: geometryOf(C, K),
    images: { x: asImages(tape, a), y: asImages(tape, y) },
    others: { w, bias: w },
    constants: { BIAS: 0 },
    extent: (M) => ({ rows: M, columns: K, count: 1, depth: C }),
  });
  return y;
}

/** a·bᵀ [M, C] of a [M, K] and b [C, K]. */
export function timesTransposed(tape: Tape, name: string, { a, b }: { a: Tensor; b: Tensor }): Tensor {
  const [M, K] = a.shape, [C] = b.shape;
  const dx = tape.tensor(`${name}.dx`, [M, C]);
  product(tape, "backwardData", {
    name,
    geometry: geometryOf(C, K),
    images: { dy: asImages(tape, a), dx: asImages(tape, dx) },
    others: { w: asWeights(tape, b) },
    extent: (M) => ({ rows: M, columns: C, count: 1, depth: K }),
  });
  return dx;
}

/** aᵀ·b [C, K] of a [M, C] and b [M, K]. */
export function transposedTimes(tape: Tape, name: string, { a, b }: { a: Tensor; b: Tensor }): Tensor {
  const [, C] = a.shape, [, K] = b.shape;
  const dw = tape.tensor(`${name}.dw`, [C, K]);
  product(tape, "backwardWeights", {
    name,
    geometry: geometryOf(C, K),
    images: { x: asImages(tape, a), dy: asImages(tape, b) },
    others: { dw: asWeights(tape, dw) },
    extent: (M) => ({ rows: C, columns: K, count: 1, depth: M }),
  });
  return dw;
}
