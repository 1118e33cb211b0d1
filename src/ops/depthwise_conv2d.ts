/**
 * Depthwise convolution with 7 × 7 taps: each channel has a filter of its own.
 *
 * @module
 */
import type { Tape } from "../graph/tape.ts";
import type { Variant } from "../graph/kernel_choice.ts";
import { expectShape, sizeOf, type Tensor, typeNote, weightsFor } from "../graph/tensor.ts";
import { sumChannels } from "./channel_totals.ts";
import {
  outputElement,
  SIDE,
  type Sizes,
  variantNames,
  variants,
  weightElement,
} from "./depthwise_kernels.ts";
import { sumParts } from "./sum_parts.ts";

/** The weights' gradient is summed in parts, until there are so many workgroups: GPUs run some hundreds at once. */
const WORKGROUPS = { software: 16, hardware: 1024 };
/** Most floats of these parts: bounds their memory. */
const PARTIAL_FLOATS = 2 ** 22;

/** The operands of a depthwise convolution. */
export interface DepthwiseConv2dOptions {
  x: Tensor;
  w: Tensor;
  bias: Tensor;
  name: string;
}

/**
 * y[n,h,w,c] = Σ_r,s x[n, h + r − 3, w + s − 3, c] · w[r,s,0,c] + bias[c]
 *
 * @param options `x`: [N, H, W, C] with C a multiple of 4; `w`: [7, 7, 1, C], `bias`: [C], whose gradients are written to
 * `w.gradient` and `bias.gradient`.
 * @returns y [N, H, W, C]
 */
export function depthwiseConv2d(tape: Tape, { x, w, bias, name }: DepthwiseConv2dOptions): Tensor {
  const [, , , C] = x.shape;
  expectShape("depthwiseConv2d", x, {
    condition: x.shape.length === 4 && C % 4 === 0,
    expected: "be [N, H, W, C], C a multiple of 4",
  });
  expectShape("depthwiseConv2d", w, {
    condition: w.shape.join() === [SIDE, SIDE, 1, C].join(),
    expected: `be [${SIDE}, ${SIDE}, 1, ${C}]`,
  });
  expectShape("depthwiseConv2d", bias, { condition: sizeOf(bias.shape) === C, expected: `be [${C}]` });
  const y = tape.tensor(`${name}.y`, x.shape, x.type);
  const k = weightsFor(x, w);
  convolve(tape, { x, y, k, bias }, { flip: false });
  tape.recordBackward(y, (dy) => {
    if (bias.gradient) sumChannels(tape, { dy, first: bias.gradient, name: `${name}.bias partials` });
    if (w.gradient) backwardWeights(tape, { x, dy, dk: w.gradient, name });
    if (!tape.needsGradient(x)) return;
    const dx = tape.tensor(`${name}.dx`, x.shape, x.type);
    convolve(tape, { x: dy, y: dx, k, bias }, { flip: true });
    tape.accumulate(x, dx);
  });
  return y;
}

/** The sizes of images, and the floating-point operations on them: a multiply-add for each tap of each element. */
function sizesOf({ shape: [N, H, W, C] }: Tensor): { sizes: Sizes; flops: number } {
  return { sizes: { N, H, W, C }, flops: 2 * SIDE * SIDE * N * H * W * C };
}

/** Appends y, or with `flip` the gradient, to which the bias does not matter. */
function convolve(
  tape: Tape,
  { x, y, k, bias }: Record<"x" | "y" | "k" | "bias", Tensor>,
  { flip }: { flip: boolean },
): void {
  for (const { tensors: images } of tape.pieces({ x, y })) {
    const { sizes, flops } = sizesOf(images.x), names = variantNames(tape.target, sizes);
    const recorded = names.map((name, i): [string, Variant] => {
      const { convolve, workgroups } = variants[name];
      return [name, {
        skipTuning: i > 0 && tape.target.software,
        record: (list, tensors) =>
          list.dispatch(convolve, {
            tensors,
            params: { ...sizes, parts: 1 },
            grid: list.grid(workgroups(sizes)),
            constants: { FLIP: Number(flip), BIAS: Number(!flip) },
            flops,
          }),
      }];
    });
    tape.choose({
      name: `depthwise convolution${flip ? ", gradient" : ""}${typeNote(x)} [${images.x.shape}]`,
      tensors: { ...images, k, bias },
      result: { name: "y", terms: SIDE * SIDE, element: outputElement(sizes, { flip, bias: !flip }) },
      variants: Object.fromEntries(recorded),
    });
  }
}

function backwardWeights(
  tape: Tape,
  { x, dy, dk, name }: Record<"x" | "dy" | "dk", Tensor> & { name: string },
): void {
  const wanted = tape.target.software ? WORKGROUPS.software : WORKGROUPS.hardware;
  const most = Math.floor(Math.min(PARTIAL_FLOATS, tape.target.maxBinding / 4) / sizeOf(dk.shape));
  for (const { tensors: images, first } of tape.pieces({ x, dy })) {
    const { sizes, flops } = sizesOf(images.x), more = first > 0;
    const recorded = variantNames(tape.target, sizes).map((variant, i): [string, Variant] => {
      const { weights, mostParts, workgroupsOfParts } = variants[variant];
      const parts = evenParts(mostParts(sizes), Math.min(most, wanted / workgroupsOfParts(sizes, 1)));
      return [variant, {
        skipTuning: i > 0 && tape.target.software,
        record(list, tensors) {
          const direct = parts === 1 && !more;
          const made = direct ? tensors.dk : list.tensor(`${name}.dw parts`, [parts, ...dk.shape]);
          list.dispatch(weights, {
            tensors: { ...tensors, dk: made },
            params: { ...sizes, parts },
            grid: list.grid(workgroupsOfParts(sizes, parts)),
            flops,
          });
          if (!direct) sumParts(list, { parts: made, total: tensors.dk, more });
        },
      }];
    });
    tape.choose({
      name: `depthwise convolution, weights' gradient${typeNote(x)} [${images.x.shape}]`,
      tensors: { ...images, dk },
      result: { name: "dk", terms: sizes.N * sizes.H * sizes.W, element: weightElement(sizes, { more }) },
      variants: Object.fromEntries(recorded),
    });
  }
}

/** About as many parts as `wanted`, at least 1, if all but the last get equally many of `n` items. */
function evenParts(n: number, wanted: number): number {
  const length = Math.ceil(n / Math.max(1, Math.min(n, Math.ceil(wanted))));
  return Math.ceil(n / length);
}
