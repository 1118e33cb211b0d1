/**
 * The kernels of the convolution: contracts and tiles.
 *
 * @module
 */
import forwardBlocked from "../../kernels/conv2d.wgsl" with { type: "text" };
import forwardSquare from "../../kernels/conv2d_subgroup8.wgsl" with { type: "text" };
import forwardWide from "../../kernels/conv2d_subgroup8_wide.wgsl" with { type: "text" };
import forwardNarrow from "../../kernels/conv2d_subgroup8_narrow.wgsl" with { type: "text" };
import backwardDataBlocked from "../../kernels/conv2d_backward_data.wgsl" with { type: "text" };
import backwardDataSquare from "../../kernels/conv2d_backward_data_subgroup8.wgsl" with { type: "text" };
import backwardDataWide from "../../kernels/conv2d_backward_data_subgroup8_wide.wgsl" with { type: "text" };
import backwardDataNarrow from "../../kernels/conv2d_backward_data_subgroup8_narrow.wgsl" with {
  type: "text",
};
import backwardWeightsBlocked from "../../kernels/conv2d_backward_weights.wgsl" with { type: "text" };
import backwardWeightsSquare from "../../kernels/conv2d_backward_weights_subgroup8.wgsl" with {
  type: "text",
};
import backwardWeightsWide from "../../kernels/conv2d_backward_weights_subgroup8_wide.wgsl" with {
  type: "text",
};
import backwardWeightsNarrow from "../../kernels/conv2d_backward_weights_subgroup8_narrow.wgsl" with {
  type: "text",
};
import forwardTiled from "../../kernels/conv2d_tiled.wgsl" with { type: "text" };
import forwardTiledSmall from "../../kernels/conv2d_tiled_small.wgsl" with { type: "text" };
import backwardDataTiled from "../../kernels/conv2d_backward_data_tiled.wgsl" with { type: "text" };
import backwardDataTiledSmall from "../../kernels/conv2d_backward_data_tiled_small.wgsl" with {
  type: "text",
};
import backwardWeightsTiled from "../../kernels/conv2d_backward_weights_tiled.wgsl" with { type: "text" };
import backwardWeightsTiledSmall from "../../kernels/conv2d_backward_weights_tiled_small.wgsl" with {
  type: "text",
};
import type { Kernel } from "../gpu/kernel.ts";

/** The three products of a convolution. */
export type Product = "forward" | "backwardData" | "backwardWeights";

/** A set of kernels that divide the outputs of a product into tiles in the same way. */
export interface Variant {
  readonly kernels: Readonly<Record<Product, Kernel>>;
  /** Rows and columns of the tile that an invocation or a workgroup makes. */
  readonly rows: number;
  readonly columns: number;
  /** Tiles of a workgroup, counted through rows and columns together; 0 if a workgroup makes one tile of a grid of both. */
  readonly tilesPerGroup: number;
  /** Whether sums may be taken in parts in each product. Otherwise only the weights' gradient has parts, one a group. */
  readonly splits?: boolean;
}

// deno-fmt-ignore
const geometry: Kernel["params"] = {
  N: "u32", H: "u32", W: "u32", C: "u32", P: "u32", Q: "u32", K: "u32", R: "u32", S: "u32", stride: "u32", pad: "u32",
};

const withTexture: Kernel["params"] = { ...geometry, wAt: "u32" };
const withParts: Kernel["params"] = { ...geometry, parts: "u32" };

/**
 * By name, the family first. `blocked` fits any adapter: 4 × 4 outputs in the registers of an invocation. `subgroup8`
 * wants subgroups of exactly 8 lanes: that is Mesa's software adapter, where it also reads textures. `tiled` is for
 * GPUs: tiles in workgroup memory, barriers between its stages.
 */
export const variants = {
  "blocked-4x4": {
    rows: 4,
    columns: 4,
    tilesPerGroup: 64,
    kernels: {
      forward: {
        name: "conv2d",
        code: forwardBlocked,
        bindings: { x: "read", w: "read", bias: "read", y: "read_write" },
        params: geometry,
      },
      backwardData: {
        name: "conv2d_backward_data",
        code: backwardDataBlocked,
        bindings: { dy: "read", w: "read", dx: "read_write" },
        params: geometry,
      },
      backwardWeights: {
        name: "conv2d_backward_weights",
        code: backwardWeightsBlocked,
        bindings: { x: "read", dy: "read", dw: "read_write" },
        params: withParts,
      },
    },
  },
  "subgroup8-32x32": {
    rows: 32,
    columns: 32,
    tilesPerGroup: 0,
    kernels: {
      forward: {
        name: "conv2d_subgroup8",
        code: forwardSquare,
        bindings: { x: "texture", w: "texture", bias: "read", y: "read_write" },
        params: withTexture,
      },
      backwardData: {
        name: "conv2d_backward_data_subgroup8",
        code: backwardDataSquare,
        bindings: { dy: "texture", w: "texture", dx: "read_write" },
        params: withTexture,
      },
      backwardWeights: {
        name: "conv2d_backward_weights_subgroup8",
        code: backwardWeightsSquare,
        bindings: { x: "texture", dy: "texture", dw: "read_write" },
        params: withParts,
      },
    },
  },
  "subgroup8-32x64": {
    rows: 32,
    columns: 64,
    tilesPerGroup: 0,
    kernels: {
      forward: {
        name: "conv2d_subgroup8_wide",
        code: forwardWide,
        bindings: { x: "texture", w: "texture", bias: "read", y: "read_write" },
        params: withTexture,
      },
      backwardData: {
        name: "conv2d_backward_data_subgroup8_wide",
        code: backwardDataWide,
        bindings: { dy: "texture", w: "texture", dx: "read_write" },
        params: withTexture,
      },
      backwardWeights: {
        name: "conv2d_backward_weights_subgroup8_wide",
        code: backwardWeightsWide,
        bindings: { x: "texture", dy: "texture", dw: "read_write" },
        params: withParts,
      },
    },
  },
  "subgroup8-64x16": {
    rows: 64,
    columns: 16,
    tilesPerGroup: 0,
    kernels: {
      forward: {
        name: "conv2d_subgroup8_narrow",
        code: forwardNarrow,
        bindings: { x: "texture", w: "texture", bias: "read", y: "read_write" },
        params: withTexture,
      },
      backwardData: {
        name: "conv2d_backward_data_subgroup8_narrow",
        code: backwardDataNarrow,
        bindings: { dy: "texture", w: "texture", dx: "read_write" },
        params: withTexture,
      },
      backwardWeights: {
        name: "conv2d_backward_weights_subgroup8_narrow",
        code: backwardWeightsNarrow,
        bindings: { x: "texture", dy: "texture", dw: "read_write" },
        params: withParts,
      },
    },
  },
  "tiled-128x128": {
    rows: 128,
    columns: 128,
    tilesPerGroup: 1,
    splits: true,
    kernels: {
      forward: {
        name: "conv2d_tiled",
        code: forwardTiled,
        bindings: { x: "read", w: "read", bias: "read", y: "read_write" },
        params: withParts,
      },
      backwardData: {
        name: "conv2d_backward_data_tiled",
        code: backwardDataTiled,
        bindings: { dy: "read", w: "read", dx: "read_write" },
        params: withParts,
      },
      backwardWeights: {
        name: "conv2d_backward_weights_tiled",
        code: backwardWeightsTiled,
        bindings: { x: "read", dy: "read", dw: "read_write" },
        params: withParts,
      },
    },
  },
  "tiled-64x64": {
    rows: 64,
    columns: 64,
    tilesPerGroup: 1,
    splits: true,
    kernels: {
      forward: {
        name: "conv2d_tiled_small",
        code: forwardTiledSmall,
        bindings: { x: "read", w: "read", bias: "read", y: "read_write" },
        params: withParts,
      },
      backwardData: {
        name: "conv2d_backward_data_tiled_small",
        code: backwardDataTiledSmall,
        bindings: { dy: "read", w: "read", dx: "read_write" },
        params: withParts,
      },
      backwardWeights: {
        name: "conv2d_backward_weights_tiled_small",
        code: backwardWeightsTiledSmall,
        bindings: { x: "read", dy: "read", dw: "read_write" },
        params: withParts,
      },
    },
  },
} as const satisfies Record<string, Variant>;

/** The name of a variant. */
export type VariantName = keyof typeof variants;
