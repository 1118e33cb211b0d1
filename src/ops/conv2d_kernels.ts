/**
 * The kernels of the convolution, and which of them fits where.
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
import type { Target } from "../graph/target.ts";

/** The three products of a convolution. */
export type Product = "forward" | "backwardData" | "backwardWeights";

/** A product as that of two matrices. */
export interface Matrices {
  readonly kind: Product;
  /** Rows (pixels, or taps and channels of a weight) and columns (channels) of the result. */
  readonly rows: number;
  readonly columns: number;
  /** Results of that size: of the input's gradient there is one for each class of pixels, see the kernel. */
  readonly count: number;
  /** Terms of a sum. */
  readonly depth: number;
  /** At most so many partial results may be kept, for the memory they take. */
  readonly maxParts: number;
}

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

/** A way to make a product. */
export interface Candidate {
  /** The variant's name, with "split" where sums are taken in parts that need not be. */
  readonly name: string;
  readonly variant: Variant;
  /** Parts of the depth, whose results are added afterwards. */
  readonly parts: number;
  readonly hopeless: boolean;
}

/** Terms of a part: enough to hide the final sum, few enough to occupy a GPU. */
const TERMS_PER_PART = 512;
/** Mesa's software adapter leaves a loop after 65,535 turns, whatever its condition says. */
const MOST_TERMS = 2 ** 15;
/** A tiled kernel takes parts of down to so many terms to have so many workgroups: GPUs hold some hundreds at once. */
const TERMS_OF_TILED_PART = 256, WORKGROUPS = 512;
/** The terms that pass through the workgroup memory of a tiled kernel at a time. */
const STAGE = 16;

/** The ways to make a product on `target`, the likely fastest first. */
export function candidates({ subgroupSize, software }: Target, matrices: Matrices): Candidate[] {
  const { kind, columns, depth, maxParts } = matrices;
  const parts = kind === "backwardWeights"
    ? Math.max(Math.min(Math.ceil(depth / TERMS_PER_PART), maxParts), Math.ceil(depth / MOST_TERMS))
    : 1;
  const plain = (name: VariantName, hopeless: boolean) => ({
    name,
    variant: variants[name],
    parts,
    hopeless,
  });

  const tiled = tiledCandidates(matrices);
  if (subgroupSize !== 8) {
    const blocked = plain("blocked-4x4", false);
    return software ? [blocked, ...tiled.map(withoutHope)] : [...tiled, blocked];
  }
  const half = columns % 64 > 0 && columns % 64 <= 32; // of the last tile of 64 columns would be idle
  const names = columns <= 16
    ? ["subgroup8-64x16", "subgroup8-32x32"] as const
    : columns <= 32 || columns < 256 && half
    ? ["subgroup8-32x32", "subgroup8-32x64"] as const
    : ["subgroup8-32x64", "subgroup8-32x32"] as const;
  const subgroup8 = [
    ...names.map((name) => plain(name, columns <= 32 && name !== names[0])),
    plain("blocked-4x4", true),
  ];
  // Subgroups of 8 alone do not make an adapter Mesa's: a GPU that has them would gain nothing from textures.
  return software ? [...subgroup8, ...tiled.map(withoutHope)] : [...tiled, ...subgroup8.map(withoutHope)];
}

/** The tiled ways, the likely fastest first. */
function tiledCandidates(matrices: Matrices): Candidate[] {
  const { kind, rows, columns, depth, count, maxParts } = matrices;
  const tilesOf = (variant: Variant) => tiling(variant, matrices).x * count;
  const ways = (["tiled-128x128", "tiled-64x64"] as const).flatMap((name): Candidate[] => {
    const variant = variants[name];
    // Half the large tile must not be idle.
    const hopeless = name === "tiled-128x128" && (rows < 128 || columns <= 64);
    const wanted = Math.min(
      Math.ceil(WORKGROUPS / tilesOf(variant)),
      Math.floor(depth / TERMS_OF_TILED_PART),
      maxParts,
    );
    const parts = evenParts(depth, atLeast1(wanted));
    // The parts of the weights' gradient are what makes it parallel at all.
    if (kind === "backwardWeights") return [{ name, variant, parts, hopeless }];
    const whole = { name, variant, parts: 1, hopeless };
    if (depth <= STAGE || maxParts < 2) return [whole];
    return [whole, {
      name: `${name} split`,
      variant,
      parts: Math.max(parts, 2),
      hopeless: hopeless || parts < 2,
    }];
  });
  // A large tile has the invocations of four small ones and loads half as much as they. With fewer, it leaves a GPU idle.
  const enough = ({ variant, parts }: Candidate) => tilesOf(variant) * parts >= WORKGROUPS / 4;
  const usual = ways.find((way) => way.name === "tiled-128x128" && !way.hopeless && enough(way)) ??
    ways.find((way) => way.name === "tiled-64x64 split" && !way.hopeless) ??
    ways.find((way) => way.name === "tiled-64x64")!;
  return [usual, ...ways.filter((way) => way !== usual)];
}

function withoutHope(candidate: Candidate): Candidate {
  return { ...candidate, hopeless: true };
}

function atLeast1(n: number): number {
  return Math.max(n, 1);
}

/** As many of `parts` as have any of the stages of the depth, if each but the last has the same number. */
function evenParts(depth: number, parts: number): number {
  const stages = Math.ceil(depth / STAGE);
  return Math.ceil(stages / Math.ceil(stages / parts));
}

/** The tiles of `rows` × `columns` outputs: as x and z of a grid. */
export function tiling(
  { rows: tileRows, columns: tileColumns, tilesPerGroup }: Variant,
  { rows, columns }: { rows: number; columns: number },
): { x: number; z: number } {
  const x = Math.ceil(rows / tileRows), z = Math.ceil(columns / tileColumns);
  return tilesPerGroup > 0 ? { x: Math.ceil(x * z / tilesPerGroup), z: 1 } : { x, z };
}

/** The workgroups of a candidate: `n` that a grid counts through x and y, times `z`. */
export function workgroups(
  { variant, parts }: Candidate,
  { kind, rows, columns, count }: Matrices,
): { n: number; z: number } {
  const { x, z } = tiling(variant, { rows, columns });
  if (variant.splits) return { n: x * z * parts, z: count };
  return kind === "backwardWeights" ? { n: x * z * parts, z: 1 } : { n: x, z: z * count };
}
