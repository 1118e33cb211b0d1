/**
 * Batch normalization, with the activation and the residual sum that may follow it.
 *
 * @module
 */
import type { Tape } from "../graph/tape.ts";
import { expectShape, sizeOf, type Tensor } from "../graph/tensor.ts";
import {
  applyKernels,
  backwardApplyKernels,
  backwardPartialsKernels,
  backwardSumsKernel,
  runningKernel,
  statisticsKernel,
} from "./batch_norm_kernels.ts";
import { channelMoments, channelSums, finishing, loadsOn, type Rows, sweep } from "./channel_parts.ts";

const EPS = 1e-5;
/** Decay of the running statistics: PyTorch's momentum of 0.1. */
export const DECAY = 0.9;
/** Rows that one invocation of the apply kernels writes (ROWS there). */
const ROWS_PER_WRITE = 16;

/** Scale, shift and running statistics of a batch normalization, each [C]. */
export interface BatchNormParameters {
  gamma: Tensor;
  beta: Tensor;
  runningMean: Tensor;
  runningVar: Tensor;
}

/** The operands of a batch normalization, and what follows it. */
export interface BatchNormOptions extends BatchNormParameters {
  x: Tensor;
  relu: boolean;
  residual?: Tensor;
  name: string;
}

/**
 * y = act((x − mean) / √(var + 1e-5) · gamma + beta [+ residual])
 *
 * In training, mean and biased variance are those of each view (the tape's `views` equal parts of the batch), and the
 * running statistics are updated view by view with the unbiased variance, or left to whoever reads the tape's `moments`; in
 * evaluation they are the running ones.
 *
 * With `residual`, the gradient of y is overwritten and becomes the residual's: this op must be its only user.
 *
 * @param options `x`: [N, …, C] with C a multiple of 4.
 * @returns y, shaped as x.
 */
export function batchNorm(tape: Tape, options: BatchNormOptions): Tensor {
  const { x, gamma, beta, relu, residual, name } = options;
  const rows = rowsOf(tape, options);
  const constants = { RELU: Number(relu), RESIDUAL: Number(residual !== undefined) };
  const statistics = recordStatistics(tape, { ...options, rows });
  const y = tape.tensor(`${name}.y`, x.shape, x.type);
  sweep(tape, applyKernels[loadsOn(tape)], {
    rows,
    length: ROWS_PER_WRITE,
    over: { x, residual: residual ?? x, y },
    tensors: { statistics, gamma, beta },
    constants,
  });
  tape.recordBackward(y, (dy) => {
    const dx = recordGradients(tape, { ...options, rows, statistics, y, dy, constants });
    tape.accumulate(x, dx);
    if (residual) tape.accumulate(residual, dy);
  });
  return y;
}

/** The groups (views), and the rows of each; checks the shapes. */
function rowsOf(tape: Tape, { x, gamma, residual }: BatchNormOptions): Rows {
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
      expected: `have the shape of the result, [${x.shape.join(", ")}]`,
    });
  }
  const M = sizeOf(x.shape) / C / G;
  expectShape("batchNorm", x, {
    condition: !training || M > 1,
    expected: "have more than one value per channel and view",
  });
  return { G, M, C };
}

/** Appends the kernels for mean and reciprocal deviation of each group, [G, 2, C]. */
function recordStatistics(
  tape: Tape,
  { x, runningMean, runningVar, name, rows }: BatchNormOptions & { rows: Rows },
): Tensor {
  const { G, C } = rows;
  const statistics = tape.tensor(`${name}.statistics`, [G, 2, C]);
  if (tape.options.training) {
    const { partials, ...sizes } = channelMoments(tape, { rows, x, name: `${name}.partials` });
    const { moments } = tape.options, { constants, grid } = finishing(tape, C);
    tape.dispatch(statisticsKernel, {
      tensors: {
        partials,
        statistics,
        runningMean: moments ? moments(runningMean, G) : runningMean,
        runningVar: moments ? moments(runningVar, G) : runningVar,
      },
      params: { ...rows, ...sizes, eps: EPS, decay: DECAY },
      constants: { ...constants, DEFERRED: Number(moments !== undefined) },
      grid,
    });
  } else {
    tape.dispatch(runningKernel, {
      tensors: { runningMean, runningVar, statistics },
      params: { C, eps: EPS },
      grid: tape.grid(Math.ceil(C / 4 / 8)),
    });
  }
  return statistics;
}

/** Appends the gradients of gamma, beta and x, and returns the last; with a residual, dy becomes its gradient. */
function recordGradients(
  tape: Tape,
  { x, gamma, beta, relu, name, rows, statistics, y, dy, constants }: BatchNormOptions & {
    rows: Rows;
    statistics: Tensor;
    y: Tensor;
    dy: Tensor;
    constants: { RELU: number; RESIDUAL: number };
  },
): Tensor {
  if (!gamma.gradient || !beta.gradient) {
    throw new TypeError(`Cannot differentiate "${name}": it has no gradients.`);
  }
  const sums = tape.tensor(`${name}.sums`, [rows.G, 2, rows.C]);
  const dx = tape.tensor(`${name}.dx`, x.shape, x.type);
  const activated = relu ? y : x, loads = loadsOn(tape);
  const { partials, ...sizes } = channelSums(tape, backwardPartialsKernels[loads], {
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
    ...finishing(tape, rows.C),
  });
  sweep(tape, backwardApplyKernels[loads], {
    rows,
    length: ROWS_PER_WRITE,
    over: { x, y: activated, dy, dresidual: dy, dx },
    tensors: { statistics, sums, gamma },
    constants,
  });
  return dx;
}
