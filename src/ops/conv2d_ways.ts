/**
 * The ways to make a product of the convolution: which kernels fit where, in how many parts, the likely fastest first.
 *
 * @module
 */
import type { Target } from "../graph/kernel_choice.ts";
import { type Product, type Variant, type VariantName, variants } from "./conv2d_kernels.ts";

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
