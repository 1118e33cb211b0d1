/**
 * Layer normalization over the channels of each pixel.
 *
 * @module
 */
import applyCode from "../../kernels/layer_norm/apply.wgsl" with { type: "text" };
import backwardCode from "../../kernels/layer_norm/backward.wgsl" with { type: "text" };
import partialsCode from "../../kernels/layer_norm/backward_partials.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import type { Tape } from "../graph/tape.ts";
import { expectShape, sizeOf, type Tensor } from "../graph/tensor.ts";
import { partParams } from "./channel_parts.ts";
import { channelTotals } from "./channel_totals.ts";

const rowParams = { M: "u32", C: "u32", eps: "f32" } as const;
const rows = { ...wgsl.workgroup, ...wgsl.layerNormRows } as const;

const applyKernel: Kernel = {
  name: "layer_norm_apply",
  files: { ...rows, "layer_norm/apply.wgsl": applyCode },
  bindings: { x: "read", gamma: "read", beta: "read", y: "read_write" },
  aliases: { Stored: ["x"], Result: ["y"] },
  params: rowParams,
  repeatable: true,
};
const backwardKernel: Kernel = {
  name: "layer_norm_backward",
  files: { ...rows, "layer_norm/backward.wgsl": backwardCode },
  bindings: { x: "read", dy: "read", gamma: "read", dx: "read_write", statistics: "read_write" },
  aliases: { Stored: ["x", "dy"], Result: ["dx"] },
  params: rowParams,
};
const partialsKernel: Kernel = {
  name: "layer_norm_backward_partials",
  files: { ...wgsl.workgroup, "layer_norm/backward_partials.wgsl": partialsCode },
  bindings: { x: "read", dy: "read", statistics: "read", partials: "read_write" },
  aliases: { Stored: ["x", "dy"] },
  params: partParams,
};

/** torchvision's for ConvNeXt. */
const EPS = 1e-6;

/** Rows of a workgroup, and invocations of a row: barriers are expensive on a CPU, idle invocations on a GPU. */
const SOFTWARE = { ROWS: 8, LANES: 1 };
const HARDWARE = { ROWS: 8, LANES: 16 };

/** The operands of a layer normalization. */
export interface LayerNormOptions {
  x: Tensor;
  gamma: Tensor;
  beta: Tensor;
  name: string;
}

/**
 * y = (x − mean) / √(var + 1e-6) · gamma + beta, with the mean and the biased variance of the channels of each row
 *
 * @param options `x`: [N, …, C] with C a multiple of 4; `gamma` and `beta`: [C].
 * @returns y, shaped as x.
 */
export function layerNorm(tape: Tape, { x, gamma, beta, name }: LayerNormOptions): Tensor {
  const C = x.shape[x.shape.length - 1];
  expectShape("layerNorm", x, {
    condition: C === sizeOf(gamma.shape) && C % 4 === 0,
    expected: `have ${sizeOf(gamma.shape)} channels, a multiple of 4`,
  });
  const y = tape.tensor(`${name}.y`, x.shape, x.type);
  eachRow(tape, applyKernel, { over: { x, y }, tensors: { gamma, beta } });
  tape.recordBackward(y, (dy) => {
    if (!gamma.gradient || !beta.gradient) {
      throw new TypeError(`Cannot differentiate "${name}": it has no gradients.`);
    }
    const M = sizeOf(x.shape) / C;
    const dx = tape.tensor(`${name}.dx`, x.shape, x.type);
    const statistics = tape.tensor(`${name}.statistics`, [x.shape[0], M / x.shape[0], 2]);
    eachRow(tape, backwardKernel, { over: { x, dy, dx, statistics }, tensors: { gamma } });
    channelTotals(tape, partialsKernel, {
      rows: { M, C },
      name: `${name}.backward partials`,
      over: { x, dy, statistics },
      first: beta.gradient,
      second: gamma.gradient,
    });
    tape.accumulate(x, dx);
  });
  return y;
}

/** Appends a kernel that takes whole rows of the channels of x, one of the tensors of `over`. */
function eachRow(
  tape: Tape,
  kernel: Kernel,
  { over, tensors }: { over: Record<string, Tensor>; tensors: Record<string, Tensor> },
): void {
  const constants = tape.target.software ? SOFTWARE : HARDWARE;
  for (const { tensors: slices } of tape.pieces(over)) {
    const { shape } = slices.x, C = shape[shape.length - 1], M = sizeOf(shape) / C;
    tape.dispatch(kernel, {
      tensors: { ...slices, ...tensors },
      params: { M, C, eps: EPS },
      grid: tape.grid(Math.ceil(M / constants.ROWS)),
      constants,
    });
  }
}
