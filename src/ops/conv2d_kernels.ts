/**
 * The kernels of the convolution: contracts and tiles.
 *
 * @module
 */
import forwardBlocked from "../../kernels/conv2d/forward_blocked.wgsl" with { type: "text" };
import backwardDataBlocked from "../../kernels/conv2d/backward_data_blocked.wgsl" with { type: "text" };
import backwardWeightsBlocked from "../../kernels/conv2d/backward_weights_blocked.wgsl" with { type: "text" };
import forwardTiled from "../../kernels/conv2d/forward_tiled.wgsl" with { type: "text" };
import backwardDataTiled from "../../kernels/conv2d/backward_data_tiled.wgsl" with { type: "text" };
import backwardWeightsTiled from "../../kernels/conv2d/backward_weights_tiled.wgsl" with { type: "text" };
import type { Files } from "../gpu/compile_errors.ts";
import type { Constants, Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import { ALIASES, BINDINGS, geometryParams, type Product } from "./conv2d_geometry.ts";
import { subgroup8Kernels } from "./conv2d_software.ts";

/** Kernels of all three products with the same tiles. */
export interface Variant {
  readonly kernels: Readonly<Record<Product, Kernel>>;
  /** Rows and columns of the tile that an invocation or a workgroup computes. */
  readonly rows: number;
  readonly columns: number;
  /** Tiles of a workgroup, counted through rows and columns together; 0 if it computes one tile of a grid of both. */
  readonly tilesPerGroup: number;
  /** Values of the kernels' constants, besides those of the product. */
  readonly constants?: Constants;
  /** Whether the sums of each product may be split into parts. Otherwise only those of the weights' gradient may. */
  readonly splits?: boolean;
}

const withParts: Kernel["params"] = { ...geometryParams, parts: "u32" };

const blocked: Record<Product, Kernel> = {
  forward: {
    name: "conv2d",
    files: {
      ...wgsl.workgroup,
      ...wgsl.conv2dParams,
      ...wgsl.conv2dWindows,
      "conv2d/forward_blocked.wgsl": forwardBlocked,
    },
    bindings: BINDINGS.forward,
    aliases: ALIASES.forward,
    params: withParts,
  },
  backwardData: {
    name: "conv2d_backward_data",
    files: {
      ...wgsl.workgroup,
      ...wgsl.conv2dParams,
      ...wgsl.conv2dClasses,
      "conv2d/backward_data_blocked.wgsl": backwardDataBlocked,
    },
    bindings: BINDINGS.backwardData,
    aliases: ALIASES.backwardData,
    params: withParts,
  },
  backwardWeights: {
    name: "conv2d_backward_weights",
    files: {
      ...wgsl.workgroup,
      ...wgsl.conv2dParams,
      ...wgsl.xBuffer,
      ...wgsl.dyBuffer,
      ...wgsl.conv2dWalk,
      "conv2d/backward_weights_blocked.wgsl": backwardWeightsBlocked,
    },
    bindings: BINDINGS.backwardWeights,
    aliases: ALIASES.backwardWeights,
    params: withParts,
  },
};

/** The kernels with tiles of the size in the part `tile`; their names end in `suffix`. */
function tiled(suffix: string, tile: Files): Record<Product, Kernel> {
  const shared = { ...wgsl.workgroup, ...wgsl.conv2dParams, ...tile, ...wgsl.tiles };
  return {
    forward: {
      name: `conv2d_tiled${suffix}`,
      files: { ...shared, ...wgsl.quadruples, ...wgsl.conv2dTaps, "conv2d/forward_tiled.wgsl": forwardTiled },
      bindings: BINDINGS.forward,
      aliases: ALIASES.forward,
      params: withParts,
    },
    backwardData: {
      name: `conv2d_backward_data_tiled${suffix}`,
      files: {
        ...shared,
        ...wgsl.quadruples,
        ...wgsl.conv2dClassTaps,
        "conv2d/backward_data_tiled.wgsl": backwardDataTiled,
      },
      bindings: BINDINGS.backwardData,
      aliases: ALIASES.backwardData,
      params: withParts,
    },
    backwardWeights: {
      name: `conv2d_backward_weights_tiled${suffix}`,
      files: { ...shared, ...wgsl.conv2dPixels, "conv2d/backward_weights_tiled.wgsl": backwardWeightsTiled },
      bindings: BINDINGS.backwardWeights,
      aliases: ALIASES.backwardWeights,
      params: withParts,
    },
  };
}

/**
 * By name, the family first. `blocked` fits any adapter: 4 × 4 outputs in the registers of an invocation. `subgroup8`
 * needs subgroups of exactly 8 lanes: that is Mesa's software adapter, where it also reads textures. `tiled` is for
 * GPUs: tiles in workgroup memory, barriers between its stages.
 */
// deno-fmt-ignore
export const variants = {
  "blocked-4x4": { rows: 4, columns: 4, tilesPerGroup: 64, kernels: blocked },
  "subgroup8-32x32": { rows: 32, columns: 32, tilesPerGroup: 0, kernels: subgroup8Kernels["32x32"] },
  "subgroup8-32x64": { rows: 32, columns: 64, tilesPerGroup: 0, kernels: subgroup8Kernels["32x64"] },
  "subgroup8-64x16": { rows: 64, columns: 16, tilesPerGroup: 0, kernels: subgroup8Kernels["64x16"] },
  "tiled-128x128": { rows: 128, columns: 128, tilesPerGroup: 1, splits: true, kernels: tiled("", wgsl.tile128) },
  "tiled-64x64": { rows: 64, columns: 64, tilesPerGroup: 1, splits: true, kernels: tiled("_small", wgsl.tile64) },
} as const satisfies Record<string, Variant>;

/** The name of a variant. */
export type VariantName = keyof typeof variants;
