/**
 * Depthwise convolution with 7 × 7 taps: each channel has a filter of its own.
 *
 * @module
 */
import convolveCode from "../../kernels/depthwise/convolve.wgsl" with { type: "text" };
import weightsCode from "../../kernels/depthwise/backward_weights.wgsl" with { type: "text" };
import type { Constants, Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import type { Tape } from "../graph/tape.ts";
import { expectShape, sizeOf, type Tensor } from "../graph/tensor.ts";
import { sumParts } from "./sum_parts.ts";

// deno-fmt-ignore
const params: Kernel["params"] = {
  N: "u32", H: "u32", W: "u32", C: "u32", down: "u32", across: "u32", parts: "u32",
};
const shared = { ...wgsl.workgroup, ...wgsl.depthwiseTiles } as const;

const convolveKernel: Kernel = {
  name: "depthwise_conv2d",
  files: { ...shared, "depthwise/convolve.wgsl": convolveCode },
  bindings: { x: "read", k: "read", bias: "read", y: "read_write" },
  params,
};
const weightsKernel: Kernel = {
  name: "depthwise_conv2d_backward_weights",
  files: { ...shared, "depthwise/backward_weights.wgsl": weightsCode },
  bindings: { x: "read", dy: "read", dk: "read_write", db: "read_write" },
  params,
};

/** Taps on a side, pixels of a tile on a side, and quadruples of channels of a workgroup, as in the kernels. */
const SIDE = 7, TILE = 8, QUADS = 4, QUADS_OF_WEIGHTS = 2;
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
  const y = tape.tensor(`${name}.y`, x.shape);
  convolve(tape, { x, y, w, bias }, { FLIP: 0, BIAS: 1 });
  tape.recordBackward(y, (dy) => {
    if (w.gradient && bias.gradient) {
      backwardWeights(tape, { x, dy, dw: w.gradient, db: bias.gradient, name });
    }
    if (!tape.needsGradient(x)) return;
    const dx = tape.tensor(`${name}.dx`, x.shape);
    convolve(tape, { x: dy, y: dx, w, bias: w }, { FLIP: 1, BIAS: 0 });
    tape.accumulate(x, dx);
  });
  return y;
}

/** The sizes of `images` [N, H, W, C], the tiles that cover an image, and those of all. */
function tilingOf({ shape: [N, H, W, C] }: Tensor) {
  const down = Math.ceil(H / TILE), across = Math.ceil(W / TILE);
  return { sizes: { N, H, W, C, down, across }, tiles: N * down * across };
}

/** Floating-point operations: a multiply-add for each tap of each element. */
const flopsOf = ({ shape }: Tensor) => 2 * SIDE * SIDE * sizeOf(shape);

function convolve(
  tape: Tape,
  { x, y, w, bias }: Record<"x" | "y" | "w" | "bias", Tensor>,
  constants: Constants,
): void {
  for (const { tensors } of tape.pieces({ x, y })) {
    const { sizes, tiles } = tilingOf(tensors.x);
    tape.dispatch(convolveKernel, {
      tensors: { ...tensors, k: w, bias },
      params: { ...sizes, parts: 1 },
      grid: tape.grid(tiles * Math.ceil(sizes.C / 4 / QUADS)),
      constants,
      flops: flopsOf(tensors.x),
    });
  }
}

function backwardWeights(
  tape: Tape,
  { x, dy, dw, db, name }: Record<"x" | "dy" | "dw" | "db", Tensor> & { name: string },
): void {
  const wanted = tape.target.software ? WORKGROUPS.software : WORKGROUPS.hardware;
  const most = Math.floor(Math.min(PARTIAL_FLOATS, tape.target.maxBinding / 4) / sizeOf(dw.shape));
  for (const { tensors, first } of tape.pieces({ x, dy })) {
    const { sizes, tiles } = tilingOf(tensors.x), blocks = Math.ceil(sizes.C / 4 / QUADS_OF_WEIGHTS);
    const length = Math.ceil(tiles / Math.max(1, Math.min(most, Math.ceil(wanted / blocks))));
    const parts = Math.ceil(tiles / length), more = first > 0;
    const direct = parts === 1 && !more;
    const made = direct ? { dk: dw, db } : {
      dk: tape.tensor(`${name}.dw parts`, [parts, ...dw.shape]),
      db: tape.tensor(`${name}.db parts`, [parts, ...db.shape]),
    };
    tape.dispatch(weightsKernel, {
      tensors: { ...tensors, ...made },
      params: { ...sizes, parts },
      grid: tape.grid(parts * blocks),
      flops: flopsOf(tensors.x),
    });
    if (direct) continue;
    sumParts(tape, { parts: made.dk, total: dw, more });
    sumParts(tape, { parts: made.db, total: db, more });
  }
}
