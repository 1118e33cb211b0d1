/**
 * Batch normalisation, with the activation and the residual sum that may follow it.
 *
 * @module
 */
import partialsCode from "../../kernels/batch_norm_partials.wgsl" with { type: "text" };
import partialsTextureCode from "../../kernels/batch_norm_partials_texture.wgsl" with { type: "text" };
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

const rows: Kernel["params"] = { G: "u32", M: "u32", C: "u32" };
const rowParts: Kernel["params"] = { ...rows, parts: "u32", length: "u32" };

/** Kernels that pass over the activations come twice: `buffer` for any adapter, `texture` where such loads are cheaper. */
const kernels = {
  partials: {
    buffer: {
      name: "batch_norm_partials",
      code: partialsCode,
      bindings: { x: "read", partials: "read_write" },
      params: rowParts,
    },
    texture: {
      name: "batch_norm_partials_texture",
      code: partialsTextureCode,
      bindings: { x: "texture", partials: "read_write" },
      params: rowParts,
    },
  },
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
      params: rows,
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
      params: rows,
    },
  },
  backwardPartials: {
    buffer: {
      name: "batch_norm_backward_partials",
      code: backwardPartialsCode,
      bindings: { x: "read", y: "read", dy: "read", statistics: "read", partials: "read_write" },
      params: rowParts,
    },
    texture: {
      name: "batch_norm_backward_partials_texture",
      code: backwardPartialsTextureCode,
      bindings: { x: "texture", y: "texture", dy: "texture", statistics: "read", partials: "read_write" },
      params: rowParts,
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
      params: rows,
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
      params: rows,
    },
  },
} as const satisfies Record<string, Record<"buffer" | "texture", Kernel>>;

const statisticsKernel: Kernel = {
  name: "batch_norm_statistics",
  code: statisticsCode,
  bindings: {
    partials: "read",
    statistics: "read_write",
    runningMean: "read_write",
    runningVar: "read_write",
  },
  params: { ...rowParts, eps: "f32", decay: "f32" },
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
  params: rowParts,
};

const EPS = 1e-5;
/** Decay of the running statistics: PyTorch's momentum of 0.1. */
const DECAY = 0.9;
/** Rows that one invocation sums, and that one invocation of the apply kernels writes (ROWS there). */
const ROWS_PER_PART = 128, ROWS_PER_WRITE = 16;

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

  // Mesa's software adapter, which `Access` tells more of, is known by its subgroups of 8.
  const variant = tape.target.subgroupSize === 8 ? "texture" : "buffer";
  const channels = tape.grid(Math.ceil(C / 4 / 8));
  const parts = Math.ceil(M / ROWS_PER_PART);
  const params = { G, M, C, parts, length: ROWS_PER_PART, eps: EPS, decay: DECAY };
  const partsGrid = tape.grid(Math.ceil(G * parts * C / 4 / 64));
  const writeGrid = tape.grid(Math.ceil(G * Math.ceil(M / ROWS_PER_WRITE) * C / 4 / 64));
  const constants = { RELU: Number(relu), RESIDUAL: Number(residual !== undefined) };

  const statistics = tape.tensor(`${name}.statistics`, [G, 2, C]);
  if (training) {
    const partials = tape.tensor(`${name}.partials`, [G, parts, 2, C]);
    tape.dispatch(kernels.partials[variant], { tensors: { x, partials }, params, grid: partsGrid });
    tape.dispatch(statisticsKernel, {
      tensors: { partials, statistics, runningMean, runningVar },
      params,
      grid: channels,
    });
  } else {
    tape.dispatch(runningKernel, {
      tensors: { runningMean, runningVar, statistics },
      params,
      grid: channels,
    });
  }
  const y = tape.tensor(`${name}.y`, x.shape);
  tape.dispatch(kernels.apply[variant], {
    tensors: { x, statistics, gamma, beta, residual: residual ?? x, y },
    params,
    grid: writeGrid,
    constants,
  });

  tape.note(y, (dy) => {
    if (!gamma.gradient || !beta.gradient) {
      throw new TypeError(`Cannot differentiate ${name}: it has no gradients`);
    }
    const partials = tape.tensor(`${name}.backward partials`, [G, parts, 2, C]);
    const sums = tape.tensor(`${name}.sums`, [G, 2, C]);
    const dx = tape.tensor(`${name}.dx`, x.shape);
    const activated = relu ? y : x;
    tape.dispatch(kernels.backwardPartials[variant], {
      tensors: { x, y: activated, dy, statistics, partials },
      params,
      grid: partsGrid,
      constants: { RELU: constants.RELU },
    });
    tape.dispatch(backwardSumsKernel, {
      tensors: { partials, sums, dgamma: gamma.gradient, dbeta: beta.gradient },
      params,
      grid: channels,
    });
    tape.dispatch(kernels.backwardApply[variant], {
      tensors: { x, y: activated, statistics, sums, gamma, dy, dresidual: dy, dx },
      params,
      grid: writeGrid,
      constants,
    });
    tape.accumulate(x, dx);
    if (residual) tape.accumulate(residual, dy);
  });
  return y;
}
