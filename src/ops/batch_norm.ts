/**
 * Batch normalisation, with the activation and the residual sum that may follow it.
 *
 * @module
 */
import statisticsCode from "../../kernels/batch_norm_statistics.wgsl" with { type: "text" };
import runningCode from "../../kernels/batch_norm_running.wgsl" with { type: "text" };
import applyCode from "../../kernels/batch_norm_apply.wgsl" with { type: "text" };
import applyTextureCode from "../../kernels/batch_norm_apply_texture.wgsl" with { type: "text" };
import backwardPartialsCode from "../../kernels/batch_norm_backward_partials.wgsl" with { type: "text" };
import backwardPartialsTextureCode from "../../kernels/batch_norm_backward_partials_texture.wgsl" with {
  type: "text",
};
import backwardSumsCode from "../../kernels/batch_norm_backward_sums.wgsl" with { type: "text" };
import backwardApplyCode from "../../kernels/batch_norm_backward_apply.wgsl" with { type: "text" };
import backwardApplyTextureCode from "../../kernels/batch_norm_backward_apply_texture.wgsl" with {
  type: "text",
};
import type { Kernel } from "../gpu/kernel.ts";
import type { Tape } from "../graph/tape.ts";
import { expectShape, sizeOf, type Tensor } from "../graph/tensor.ts";
import {
  channelMoments,
  channelSums,
  finishing,
  groupParams,
  type Loads,
  loadsOn,
  partParams,
  sweep,
  sweepParams,
} from "./channel_parts.ts";

const kernels = {
  apply: {
    buffer: {
      name: "batch_norm_apply",
      code: applyCode,
      bindings: {
        x: "read",
        statistics: "read",
        gamma: "read",
        beta: "read",
        residual: "read",
        y: "read_write",
      },
      params: sweepParams,
      repeatable: true,
    },
    texture: {
      name: "batch_norm_apply_texture",
      code: applyTextureCode,
      bindings: {
        x: "texture",
        statistics: "read",
        gamma: "read",
        beta: "read",
        residual: "texture",
        y: "read_write",
      },
      params: sweepParams,
      repeatable: true,
    },
  },
  backwardPartials: {
    buffer: {
      name: "batch_norm_backward_partials",
      code: backwardPartialsCode,
      bindings: { x: "read", y: "read", dy: "read", statistics: "read", partials: "read_write" },
      params: partParams,
    },
    texture: {
      name: "batch_norm_backward_partials_texture",
      code: backwardPartialsTextureCode,
      bindings: { x: "texture", y: "texture", dy: "texture", statistics: "read", partials: "read_write" },
      params: partParams,
    },
  },
  backwardApply: {
    buffer: {
      name: "batch_norm_backward_apply",
      code: backwardApplyCode,
      bindings: {
        x: "read",
        y: "read",
        statistics: "read",
        sums: "read",
        gamma: "read",
        dy: "read_write",
        dx: "read_write",
      },
      params: sweepParams,
    },
    texture: {
      name: "batch_norm_backward_apply_texture",
      code: backwardApplyTextureCode,
      bindings: {
        x: "texture",
        y: "texture",
        statistics: "read",
        sums: "read",
        gamma: "read",
        dy: "texture",
        dresidual: "read_write",
        dx: "read_write",
      },
      params: sweepParams,
    },
  },
} as const satisfies Record<string, Record<Loads, Kernel>>;

const statisticsKernel: Kernel = {
  name: "batch_norm_statistics",
  code: statisticsCode,
  bindings: {
    partials: "read",
    statistics: "read_write",
    runningMean: "read_write",
    runningVar: "read_write",
  },
  params: { ...groupParams, eps: "f32", decay: "f32" },
};
const runningKernel: Kernel = {
  name: "batch_norm_running",
  code: runningCode,
  bindings: { runningMean: "read", runningVar: "read", statistics: "read_write" },
  params: { C: "u32", eps: "f32" },
};
const backwardSumsKernel: Kernel = {
  name: "batch_norm_backward_sums",
  code: backwardSumsCode,
  bindings: { partials: "read", sums: "read_write", dgamma: "read_write", dbeta: "read_write" },
  params: groupParams,
};

const EPS = 1e-5;
/** Decay of the running statistics: PyTorch's momentum of 0.1. */
const DECAY = 0.9;
/** Rows that one invocation of the apply kernels writes (ROWS there). */
const ROWS_PER_WRITE = 16;

/** Scale, shift and running statistics of a batch normalisation, each [C]. */
export interface BatchNormParameters {
  gamma: Tensor;
  beta: Tensor;
  runningMean: Tensor;
  runningVar: Tensor;
}

/**
 * y = act((x − mean) / √(var + 1e-5) · gamma + beta [+ residual])
 *
 * In training, mean and biased variance are those of each view (the tape's `views` equal parts of the batch), and the
 * running statistics are updated view by view with the unbiased variance; in evaluation they are the running ones.
 *
 * @param x [N, …, C] with C a multiple of 4. With `residual`, an op that owns the only use of y's gradient: it is
 * overwritten and becomes the residual's.
 * @returns y, shaped as x.
 */
export function batchNorm(
  tape: Tape,
  { x, gamma, beta, runningMean, runningVar, relu, residual, name }: BatchNormParameters & {
    x: Tensor;
    relu: boolean;
    residual?: Tensor;
    name: string;
  },
): Tensor {
  const C = x.shape[x.shape.length - 1];
  const { training } = tape.options;
  const G = training ? tape.options.views : 1;
  expectShape("batchNorm", x, {
    condition: C === sizeOf(gamma.shape) && C % 4 === 0 && x.shape[0] % G === 0,
    expected: `have ${sizeOf(gamma.shape)} channels, a multiple of 4, and ${G} views of equal size`,
  });
  if (residual) {
    expectShape("batchNorm", residual, {
      condition: residual.shape.join() === x.shape.join(),
      expected: `be shaped as what it is added to, [${x.shape.join(", ")}]`,
    });
  }
  const M = sizeOf(x.shape) / C / G;
  expectShape("batchNorm", x, {
    condition: !training || M > 1,
    expected: "have more than one value per channel and view",
  });

  const loads = loadsOn(tape), rows = { G, M, C };
  const constants = { RELU: Number(relu), RESIDUAL: Number(residual !== undefined) };
  const statistics = tape.tensor(`${name}.statistics`, [G, 2, C]);
  if (training) {
    const { partials, ...sizes } = channelMoments(tape, { rows, x, name: `${name}.partials` });
    tape.dispatch(statisticsKernel, {
      tensors: { partials, statistics, runningMean, runningVar },
      params: { ...rows, ...sizes, eps: EPS, decay: DECAY },
      ...finishing(tape, C),
    });
  } else {
    tape.dispatch(runningKernel, {
      tensors: { runningMean, runningVar, statistics },
      params: { C, eps: EPS },
      grid: tape.grid(Math.ceil(C / 4 / 8)),
    });
  }
  const y = tape.tensor(`${name}.y`, x.shape);
  sweep(tape, kernels.apply[loads], {
    rows,
    length: ROWS_PER_WRITE,
    over: { x, residual: residual ?? x, y },
    tensors: { statistics, gamma, beta },
    constants,
  });

  tape.recordBackward(y, (dy) => {
    if (!gamma.gradient || !beta.gradient) {
      throw new TypeError(`Cannot differentiate ${name}: it has no gradients`);
    }
    const sums = tape.tensor(`${name}.sums`, [G, 2, C]);
    const dx = tape.tensor(`${name}.dx`, x.shape);
    const activated = relu ? y : x;
    const { partials, ...sizes } = channelSums(tape, kernels.backwardPartials[loads], {
      rows,
      name: `${name}.backward partials`,
      moments: false,
      over: { x, y: activated, dy },
      tensors: { statistics },
      constants: { RELU: constants.RELU },
    });
    tape.dispatch(backwardSumsKernel, {
      tensors: { partials, sums, dgamma: gamma.gradient, dbeta: beta.gradient },
      params: { ...rows, ...sizes },
      ...finishing(tape, C),
    });
    sweep(tape, kernels.backwardApply[loads], {
      rows,
      length: ROWS_PER_WRITE,
      over: { x, y: activated, dy, dresidual: dy, dx },
      tensors: { statistics, sums, gamma },
      constants,
    });
    tape.accumulate(x, dx);
    if (residual) tape.accumulate(residual, dy);
  });
  return y;
}
