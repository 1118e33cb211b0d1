/**
 * The kernels of batch normalization: contracts.
 *
 * @module
 */
import statisticsCode from "../../kernels/batch_norm/statistics.wgsl" with { type: "text" };
import runningCode from "../../kernels/batch_norm/running.wgsl" with { type: "text" };
import applyCode from "../../kernels/batch_norm/apply.wgsl" with { type: "text" };
import residualBuffer from "../../kernels/batch_norm/residual_buffer.wgsl" with { type: "text" };
import residualTexture from "../../kernels/batch_norm/residual_texture.wgsl" with { type: "text" };
import backwardPartialsCode from "../../kernels/batch_norm/backward_partials.wgsl" with { type: "text" };
import backwardSumsCode from "../../kernels/batch_norm/backward_sums.wgsl" with { type: "text" };
import backwardApplyCode from "../../kernels/batch_norm/backward_apply.wgsl" with { type: "text" };
import dresidualInPlace from "../../kernels/batch_norm/dresidual_in_place.wgsl" with { type: "text" };
import dresidualBesideTexture from "../../kernels/batch_norm/dresidual_beside_texture.wgsl" with {
  type: "text",
};
import type { Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import { groupParams, type Loads, partParams, sweepParams } from "./channel_parts.ts";

/** The parts that all kernels over activations share. */
const shared = { ...wgsl.workgroup, ...wgsl.nan } as const;

/** y = act(x̂ · gamma + beta [+ residual]) */
export const applyKernels: Record<Loads, Kernel> = {
  buffer: {
    name: "batch_norm_apply",
    files: {
      ...shared,
      ...wgsl.xBuffer,
      "batch_norm/residual_buffer.wgsl": residualBuffer,
      "batch_norm/apply.wgsl": applyCode,
    },
    bindings: {
      x: "read",
      residual: "read",
      statistics: "read",
      gamma: "read",
      beta: "read",
      y: "read_write",
    },
    aliases: { Stored: ["x", "residual"], Result: ["y"] },
    params: sweepParams,
    repeatable: true,
  },
  texture: {
    name: "batch_norm_apply_texture",
    files: {
      ...shared,
      ...wgsl.texel,
      ...wgsl.xTexture,
      "batch_norm/residual_texture.wgsl": residualTexture,
      "batch_norm/apply.wgsl": applyCode,
    },
    bindings: {
      x: "texture",
      residual: "texture",
      statistics: "read",
      gamma: "read",
      beta: "read",
      y: "read_write",
    },
    aliases: { Result: ["y"] },
    params: sweepParams,
    repeatable: true,
  },
};

/** Σ dz and Σ dz · x̂ of each channel, in parts. */
export const backwardPartialsKernels: Record<Loads, Kernel> = {
  buffer: {
    name: "batch_norm_backward_partials",
    files: {
      ...shared,
      ...wgsl.xBuffer,
      ...wgsl.dyBuffer,
      ...wgsl.yBuffer,
      "batch_norm/backward_partials.wgsl": backwardPartialsCode,
    },
    bindings: { x: "read", dy: "read", y: "read", statistics: "read", partials: "read_write" },
    aliases: { Stored: ["x", "dy", "y"] },
    params: partParams,
  },
  texture: {
    name: "batch_norm_backward_partials_texture",
    files: {
      ...shared,
      ...wgsl.texel,
      ...wgsl.xTexture,
      ...wgsl.dyTexture,
      ...wgsl.yTexture,
      "batch_norm/backward_partials.wgsl": backwardPartialsCode,
    },
    bindings: { x: "texture", dy: "texture", y: "texture", statistics: "read", partials: "read_write" },
    params: partParams,
  },
};

/** dx, and the residual's gradient. */
export const backwardApplyKernels: Record<Loads, Kernel> = {
  buffer: {
    name: "batch_norm_backward_apply",
    files: {
      ...shared,
      ...wgsl.xBuffer,
      "batch_norm/dresidual_in_place.wgsl": dresidualInPlace,
      ...wgsl.yBuffer,
      "batch_norm/backward_apply.wgsl": backwardApplyCode,
    },
    bindings: {
      x: "read",
      dresidual: "read_write",
      y: "read",
      statistics: "read",
      sums: "read",
      gamma: "read",
      dx: "read_write",
    },
    aliases: { Stored: ["x", "dresidual", "y"], Result: ["dx"] },
    params: sweepParams,
  },
  texture: {
    name: "batch_norm_backward_apply_texture",
    files: {
      ...shared,
      ...wgsl.texel,
      ...wgsl.xTexture,
      ...wgsl.dyTexture,
      ...wgsl.yTexture,
      "batch_norm/dresidual_beside_texture.wgsl": dresidualBesideTexture,
      "batch_norm/backward_apply.wgsl": backwardApplyCode,
    },
    bindings: {
      x: "texture",
      dy: "texture",
      y: "texture",
      statistics: "read",
      sums: "read",
      gamma: "read",
      dx: "read_write",
      dresidual: "read_write",
    },
    aliases: { Stored: ["dresidual"], Result: ["dx"] },
    params: sweepParams,
  },
};

/** Mean and reciprocal deviation of each channel, and the running statistics. */
export const statisticsKernel: Kernel = {
  name: "batch_norm_statistics",
  files: { ...wgsl.workgroup, ...wgsl.moments, "batch_norm/statistics.wgsl": statisticsCode },
  bindings: {
    partials: "read",
    statistics: "read_write",
    runningMean: "read_write",
    runningVar: "read_write",
  },
  params: { ...groupParams, eps: "f32", decay: "f32" },
};

/** The same for evaluation, from the running statistics. */
export const runningKernel: Kernel = {
  name: "batch_norm_running",
  files: { ...wgsl.workgroup, "batch_norm/running.wgsl": runningCode },
  bindings: { runningMean: "read", runningVar: "read", statistics: "read_write" },
  params: { C: "u32", eps: "f32" },
};

/** dgamma and dbeta, and both sums of each group. */
export const backwardSumsKernel: Kernel = {
  name: "batch_norm_backward_sums",
  files: { ...wgsl.workgroup, "batch_norm/backward_sums.wgsl": backwardSumsCode },
  bindings: { partials: "read", sums: "read_write", dgamma: "read_write", dbeta: "read_write" },
  params: groupParams,
};
