/**
 * The kernels of the convolution, and which of them fits where.
 *
 * @module
 */
import forwardBlocked from "../../kernels/conv2d.wgsl" with { type: "text" };
import forwardWide from "../../kernels/conv2d_subgroup8.wgsl" with { type: "text" };
import forwardNarrow from "../../kernels/conv2d_subgroup8_narrow.wgsl" with { type: "text" };
import backwardDataBlocked from "../../kernels/conv2d_backward_data.wgsl" with { type: "text" };
import backwardDataWide from "../../kernels/conv2d_backward_data_subgroup8.wgsl" with { type: "text" };
import backwardDataNarrow from "../../kernels/conv2d_backward_data_subgroup8_narrow.wgsl" with {
  type: "text",
};
import backwardWeightsBlocked from "../../kernels/conv2d_backward_weights.wgsl" with { type: "text" };
import backwardWeightsWide from "../../kernels/conv2d_backward_weights_subgroup8.wgsl" with { type: "text" };
import backwardWeightsNarrow from "../../kernels/conv2d_backward_weights_subgroup8_narrow.wgsl" with {
  type: "text",
};
import type { Kernel } from "../gpu/kernel.ts";
import type { Target } from "../graph/target.ts";

/** The three products of a convolution. */
export type Product = "forward" | "backwardData" | "backwardWeights";

/** A set of kernels that divide the outputs of a product into tiles in the same way. */
export interface Variant {
  readonly kernels: Readonly<Record<Product, Kernel>>;
  /** Rows (pixels, or taps and channels of a weight) and columns (channels) of the tile that an invocation or a workgroup makes. */
  readonly rows: number;
  readonly columns: number;
  /** Tiles of a workgroup, counted through rows and columns together; 0 if a workgroup makes one tile of a grid of both. */
  readonly tilesPerGroup: number;
}

// deno-fmt-ignore
const geometry: Kernel["params"] = {
  N: "u32", H: "u32", W: "u32", C: "u32", P: "u32", Q: "u32", K: "u32", R: "u32", S: "u32", stride: "u32", pad: "u32",
};

const withTexture: Kernel["params"] = { ...geometry, wAt: "u32" };
const withParts: Kernel["params"] = { ...geometry, parts: "u32" };

/**
 * By name, the family first. `blocked` fits any adapter: 4 × 4 outputs in the registers of an invocation. `subgroup8`
 * wants subgroups of exactly 8 lanes: that is Mesa's software adapter, where it also reads textures.
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
        bindings: { x: "read", w: "read", y: "read_write" },
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
        code: forwardWide,
        bindings: { x: "texture", w: "texture", y: "read_write" },
        params: withTexture,
      },
      backwardData: {
        name: "conv2d_backward_data_subgroup8",
        code: backwardDataWide,
        bindings: { dy: "texture", w: "texture", dx: "read_write" },
        params: withTexture,
      },
      backwardWeights: {
        name: "conv2d_backward_weights_subgroup8",
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
        bindings: { x: "texture", w: "texture", y: "read_write" },
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
} as const satisfies Record<string, Variant>;

/** The name of a variant. */
export type VariantName = keyof typeof variants;

/** The variants that can make a product with this many columns on `target`, the likely fastest first. */
export function candidates(
  { subgroupSize }: Target,
  { columns }: { columns: number },
): { name: VariantName; hopeless: boolean }[] {
  if (subgroupSize !== 8) return [{ name: "blocked-4x4", hopeless: false }];
  const [usual, other] = columns <= 16
    ? ["subgroup8-64x16", "subgroup8-32x32"] as const
    : ["subgroup8-32x32", "subgroup8-64x16"] as const;
  return [
    { name: usual, hopeless: false },
    { name: other, hopeless: columns % 32 === 0 || columns <= 16 },
    { name: "blocked-4x4", hopeless: true },
  ];
}

/** The tiles of `rows` × `columns` outputs: as x and z of a grid. */
export function tiling(
  { rows: tileRows, columns: tileColumns, tilesPerGroup }: Variant,
  { rows, columns }: { rows: number; columns: number },
): { x: number; z: number } {
  const x = Math.ceil(rows / tileRows), z = Math.ceil(columns / tileColumns);
  return tilesPerGroup > 0 ? { x: Math.ceil(x * z / tilesPerGroup), z: 1 } : { x, z };
}
