/**
 * The kernels of the convolution, and which of them fits where.
 *
 * @module
 */
import forwardPortable from "../../kernels/conv2d.wgsl" with { type: "text" };
import forwardWide from "../../kernels/conv2d_subgroup8.wgsl" with { type: "text" };
import forwardNarrow from "../../kernels/conv2d_subgroup8_narrow.wgsl" with { type: "text" };
import backwardDataPortable from "../../kernels/conv2d_backward_data.wgsl" with { type: "text" };
import backwardDataWide from "../../kernels/conv2d_backward_data_subgroup8.wgsl" with { type: "text" };
import backwardDataNarrow from "../../kernels/conv2d_backward_data_subgroup8_narrow.wgsl" with {
  type: "text",
};
import backwardWeightsPortable from "../../kernels/conv2d_backward_weights.wgsl" with { type: "text" };
import backwardWeightsWide from "../../kernels/conv2d_backward_weights_subgroup8.wgsl" with { type: "text" };
import backwardWeightsNarrow from "../../kernels/conv2d_backward_weights_subgroup8_narrow.wgsl" with {
  type: "text",
};
import type { Kernel } from "../gpu/kernel.ts";
import type { Tape } from "../graph/tape.ts";

/**
 * `portable` makes tiles of 4 × 4 outputs and fits any adapter. `wide` makes tiles of 32 × 32 and wants subgroups of
 * exactly 8 lanes: that is Mesa's software adapter, where it also reads textures. `narrow` is its sibling with tiles of
 * 64 × 16, for 16 columns and less.
 */
export type Variant = "portable" | "wide" | "narrow";

// deno-fmt-ignore
const geometry: Kernel["params"] = {
  N: "u32", H: "u32", W: "u32", C: "u32", P: "u32", Q: "u32", K: "u32", R: "u32", S: "u32", stride: "u32", pad: "u32",
};

/** The contracts of the kernels. */
export const kernels: Record<"forward" | "backwardData" | "backwardWeights", Record<Variant, Kernel>> = {
  forward: {
    portable: {
      name: "conv2d",
      code: forwardPortable,
      bindings: { x: "read", w: "read", y: "read_write" },
      params: geometry,
    },
    wide: {
      name: "conv2d_subgroup8",
      code: forwardWide,
      bindings: { x: "texture", w: "texture", y: "read_write" },
      params: { ...geometry, wAt: "u32" },
    },
    narrow: {
      name: "conv2d_subgroup8_narrow",
      code: forwardNarrow,
      bindings: { x: "texture", w: "texture", y: "read_write" },
      params: { ...geometry, wAt: "u32" },
    },
  },
  backwardData: {
    portable: {
      name: "conv2d_backward_data",
      code: backwardDataPortable,
      bindings: { dy: "read", w: "read", dx: "read_write" },
      params: geometry,
    },
    wide: {
      name: "conv2d_backward_data_subgroup8",
      code: backwardDataWide,
      bindings: { dy: "texture", w: "texture", dx: "read_write" },
      params: { ...geometry, wAt: "u32" },
    },
    narrow: {
      name: "conv2d_backward_data_subgroup8_narrow",
      code: backwardDataNarrow,
      bindings: { dy: "texture", w: "texture", dx: "read_write" },
      params: { ...geometry, wAt: "u32" },
    },
  },
  backwardWeights: {
    portable: {
      name: "conv2d_backward_weights",
      code: backwardWeightsPortable,
      bindings: { x: "read", dy: "read", dw: "read_write" },
      params: { ...geometry, parts: "u32" },
    },
    wide: {
      name: "conv2d_backward_weights_subgroup8",
      code: backwardWeightsWide,
      bindings: { x: "texture", dy: "texture", dw: "read_write" },
      params: { ...geometry, parts: "u32" },
    },
    narrow: {
      name: "conv2d_backward_weights_subgroup8_narrow",
      code: backwardWeightsNarrow,
      bindings: { x: "texture", dy: "texture", dw: "read_write" },
      params: { ...geometry, parts: "u32" },
    },
  },
};

/**
 * The variant that makes `rows` × `columns` outputs, and the tiles that this takes. The portable kernel counts its tiles
 * of rows and columns together, a workgroup being 64 of them.
 */
export function tiling(
  tape: Tape,
  { rows, columns }: { rows: number; columns: number },
): { variant: Variant; rowTiles: number; columnTiles: number } {
  if (tape.target.subgroupSize !== 8) {
    return {
      variant: "portable",
      rowTiles: Math.ceil(Math.ceil(rows / 4) * (columns / 4) / 64),
      columnTiles: 1,
    };
  }
  return columns <= 16
    ? { variant: "narrow", rowTiles: Math.ceil(rows / 64), columnTiles: Math.ceil(columns / 16) }
    : { variant: "wide", rowTiles: Math.ceil(rows / 32), columnTiles: Math.ceil(columns / 32) };
}
