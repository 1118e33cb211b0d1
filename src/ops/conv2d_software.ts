/**
 * The convolution's kernels for Mesa's software adapter: for subgroups of 8 lanes, reading from textures.
 *
 * @module
 */
import forwardSquare from "../../kernels/software/conv2d_forward_32x32.wgsl" with { type: "text" };
import backwardDataSquare from "../../kernels/software/conv2d_backward_data_32x32.wgsl" with { type: "text" };
import backwardWeightsSquare from "../../kernels/software/conv2d_backward_weights_32x32.wgsl" with {
  type: "text",
};
import forwardWide from "../../kernels/software/conv2d_forward_32x64.wgsl" with { type: "text" };
import backwardDataWide from "../../kernels/software/conv2d_backward_data_32x64.wgsl" with { type: "text" };
import backwardWeightsWide from "../../kernels/software/conv2d_backward_weights_32x64.wgsl" with {
  type: "text",
};
import forwardNarrow from "../../kernels/software/conv2d_forward_64x16.wgsl" with { type: "text" };
import backwardDataNarrow from "../../kernels/software/conv2d_backward_data_64x16.wgsl" with { type: "text" };
import backwardWeightsNarrow from "../../kernels/software/conv2d_backward_weights_64x16.wgsl" with {
  type: "text",
};
import type { Files } from "../gpu/compile_errors.ts";
import type { Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import { geometryParams, type Product } from "./conv2d_geometry.ts";

const textureParams: Kernel["params"] = { ...geometryParams, wAt: "u32" };

/** The kernels whose names end in `suffix`, with the files of their own. */
function subgroup8(suffix: string, files: Record<Product, Files>): Record<Product, Kernel> {
  return {
    forward: {
      name: `conv2d_subgroup8${suffix}`,
      files: {
        ...wgsl.workgroup,
        ...wgsl.texel,
        ...wgsl.conv2dTextureParams,
        ...wgsl.conv2dWindows,
        ...files.forward,
      },
      bindings: { x: "texture", w: "texture", bias: "read", y: "read_write" },
      aliases: { Result: ["y"] },
      params: textureParams,
    },
    backwardData: {
      name: `conv2d_backward_data_subgroup8${suffix}`,
      files: {
        ...wgsl.workgroup,
        ...wgsl.texel,
        ...wgsl.conv2dTextureParams,
        ...wgsl.conv2dClasses,
        ...files.backwardData,
      },
      bindings: { dy: "texture", w: "texture", dx: "read_write" },
      aliases: { Result: ["dx"] },
      params: textureParams,
    },
    backwardWeights: {
      name: `conv2d_backward_weights_subgroup8${suffix}`,
      files: {
        ...wgsl.workgroup,
        ...wgsl.texel,
        ...wgsl.conv2dParams,
        ...wgsl.xTexture,
        ...wgsl.dyTexture,
        ...wgsl.conv2dWalk,
        ...files.backwardWeights,
      },
      bindings: { x: "texture", dy: "texture", dw: "read_write" },
      params: { ...geometryParams, parts: "u32" },
    },
  };
}

/** By the rows and columns of a workgroup's tile. */
export const subgroup8Kernels = {
  "32x32": subgroup8("", {
    forward: { "software/conv2d_forward_32x32.wgsl": forwardSquare },
    backwardData: { "software/conv2d_backward_data_32x32.wgsl": backwardDataSquare },
    backwardWeights: { "software/conv2d_backward_weights_32x32.wgsl": backwardWeightsSquare },
  }),
  "32x64": subgroup8("_wide", {
    forward: { "software/conv2d_forward_32x64.wgsl": forwardWide },
    backwardData: { "software/conv2d_backward_data_32x64.wgsl": backwardDataWide },
    backwardWeights: { "software/conv2d_backward_weights_32x64.wgsl": backwardWeightsWide },
  }),
  "64x16": subgroup8("_narrow", {
    forward: { "software/conv2d_forward_64x16.wgsl": forwardNarrow },
    backwardData: { "software/conv2d_backward_data_64x16.wgsl": backwardDataNarrow },
    backwardWeights: { "software/conv2d_backward_weights_64x16.wgsl": backwardWeightsNarrow },
  }),
} as const;
