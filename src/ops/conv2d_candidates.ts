/**
 * The candidates for a product of the convolution: which kernels fit, in how many parts, the likely fastest first.
 *
 * @module
 */
import type { MatrixUnit } from "../gpu/matrix_units.ts";
import type { ChoosingProfile } from "../graph/kernel_choice.ts";
import type { Product } from "./conv2d_geometry.ts";
import { type Variant, type VariantName, variants } from "./conv2d_kernels.ts";
import { matrixTiles, STEP } from "./conv2d_matrix.ts";

/** A product of the convolution as a product of two matrices. */
export interface Matrices {
  readonly kind: Product;
  /** Whether the matrices are float16. */
  readonly halves: boolean;
  /** Rows (pixels, or taps and channels of a weight) and columns (channels) of the result. */
  readonly rows: number;
  readonly columns: number;
  /** Number of results of that size: the input's gradient has one for each class of pixels, see the kernel. */
  readonly count: number;
  /** Terms of a sum. */
  readonly depth: number;
  /** Most partial results, as they take memory. */
  readonly maxParts: number;
}

/** A variant, and how it is used for a product. */
export interface Candidate {
  /** The variant's name, with "split" where sums are taken in parts without need. */
  readonly name: string;
  readonly variant: Variant;
  /** Parts of the depth; their results are added afterwards. */
  readonly parts: number;
  readonly skipTuning: boolean;
}

/** Terms of a part: enough to hide the final sum, few enough to have work for a whole GPU. */
const TERMS_PER_PART = 512;
/** Mesa's software adapter exits a loop after 65,535 iterations, even if its condition holds. */
const MAX_TERMS = 2 ** 15;
/** A tiled kernel splits sums down to so many terms to reach so many workgroups: GPUs run some hundreds at once. */
const TERMS_OF_TILED_PART = 256, WORKGROUPS = 512;
/** So many give all of a GPU work. */
const ENOUGH = WORKGROUPS / 4;
/** Terms that a tiled kernel loads into workgroup memory at a time. */
const STAGE = 16;

/** The candidates for a product on `target`, the likely fastest first. */
export function candidates(target: ChoosingProfile, matrices: Matrices): Candidate[] {
  const others = plainCandidates(target, matrices), onUnits = matrixCandidates(target, matrices);
  // A driver for the CPU has matrix units only in name, and takes long to compile such kernels.
  return target.software ? [...others, ...onUnits.map(untimed)] : [...onUnits, ...others];
}

/** The candidates that need no matrix units. */
function plainCandidates({ subgroupSize, software }: ChoosingProfile, matrices: Matrices): Candidate[] {
  const { kind, columns, depth, maxParts } = matrices;
  const parts = kind === "backwardWeights"
    ? Math.max(Math.min(Math.ceil(depth / TERMS_PER_PART), maxParts), Math.ceil(depth / MAX_TERMS))
    : 1;
  const plain = (name: VariantName, skipTuning: boolean) => ({
    name,
    variant: variants[name],
    parts,
    skipTuning,
  });

  const tiled = tiledCandidates(matrices);
  if (subgroupSize !== 8) {
    const blocked = plain("blocked-4x4", false);
    return software ? [blocked, ...tiled.map(untimed)] : [...tiled, blocked];
  }
  const halfIdle = columns % 64 > 0 && columns % 64 <= 32; // in the last tile of 64 columns
  const names = columns <= 16
    ? ["subgroup8-64x16", "subgroup8-32x32"] as const
    : columns <= 32 || columns < 256 && halfIdle
    ? ["subgroup8-32x32", "subgroup8-32x64"] as const
    : ["subgroup8-32x64", "subgroup8-32x32"] as const;
  const subgroup8 = [
    ...names.map((name) => plain(name, columns <= 32 && name !== names[0])),
    plain("blocked-4x4", true),
  ];
  // Subgroups of 8 do not imply Mesa's software adapter: a GPU that has them would gain nothing from textures.
  return software ? [...subgroup8, ...tiled.map(untimed)] : [...tiled, ...subgroup8.map(untimed)];
}

/** The candidates with tiled kernels, the likely fastest first. */
function tiledCandidates(matrices: Matrices): Candidate[] {
  const { rows, columns } = matrices;
  const tiled = (["tiled-128x128", "tiled-64x64"] as const).flatMap((name) => {
    // At least half of a large tile must be used.
    const skipTuning = name === "tiled-128x128" && (rows < 128 || columns <= 64);
    return splits({ name, variant: variants[name], skipTuning }, { matrices, stage: STAGE });
  });
  // A large tile has the invocations of four small ones and loads half as much; but with too few tiles a GPU is idle.
  const first =
    tiled.find((candidate) =>
      candidate.name === "tiled-128x128" && !candidate.skipTuning && groupsOf(candidate, matrices) >= ENOUGH
    ) ??
      tiled.find(({ name, skipTuning }) => name === "tiled-64x64 split" && !skipTuning) ??
      tiled.find(({ name }) => name === "tiled-64x64")!;
  return [first, ...tiled.filter((candidate) => candidate !== first)];
}

/** The candidates on matrix units, the likely fastest first. Of units that compute less at a time, few are timed. */
function matrixCandidates({ matrixUnits }: ChoosingProfile, matrices: Matrices): Candidate[] {
  if (!matrixUnits || !matrices.halves) return [];
  const work = ({ unit: { m, n, k } }: { unit: MatrixUnit }) => m * n * k;
  const tiles = matrixTiles(matrixUnits), most = Math.max(...tiles.map(work));
  const found = tiles.flatMap((variant) => {
    const { name, rows, columns } = variant;
    const unused = (matrices.rows <= rows / 2 || matrices.columns <= columns / 2) && rows * columns > 64 * 64;
    const skipTuning = unused || work(variant) < most && !name.endsWith("-2x2");
    return splits({ name, variant, skipTuning }, { matrices, stage: STEP });
  });
  const rank = (candidate: Candidate) => [
    Number(candidate.skipTuning),
    -Math.min(groupsOf(candidate, matrices), ENOUGH),
    Number(candidate.name.endsWith(" split")),
    -usefulArea(candidate.variant),
  ];
  const ranked = found.map((candidate) => ({ candidate, rank: rank(candidate) }));
  ranked.sort((a, b) =>
    a.rank.map((value, i) => value - b.rank[i]).find((difference) => difference !== 0) ?? 0
  );
  return ranked.map(({ candidate }) => candidate);
}

/** The outputs of a tile, or none where it leaves a GPU's core no room for a second workgroup to compute while one waits. */
function usefulArea({ rows, columns }: Variant): number {
  const area = rows * columns;
  return area <= 128 * 128 ? area : 0;
}

/** The workgroups of a candidate. */
function groupsOf({ variant, parts }: Candidate, matrices: Matrices): number {
  return tiling(variant, matrices).x * matrices.count * parts;
}

/** A variant that may split sums of each product, as candidates: without and with that. */
function splits(
  { name, variant, skipTuning }: Omit<Candidate, "parts">,
  { matrices, stage }: { matrices: Matrices; stage: number },
): Candidate[] {
  const { kind, depth, count, maxParts } = matrices;
  const wanted = Math.min(
    Math.ceil(WORKGROUPS / (tiling(variant, matrices).x * count)),
    Math.floor(depth / TERMS_OF_TILED_PART),
    maxParts,
  );
  const parts = evenParts(depth, { parts: atLeast1(wanted), stage });
  // The weights' gradient is parallel only by its parts.
  if (kind === "backwardWeights") return [{ name, variant, parts, skipTuning }];
  const whole = { name, variant, parts: 1, skipTuning };
  if (depth <= stage || maxParts < 2) return [whole];
  return [whole, {
    name: `${name} split`,
    variant,
    parts: Math.max(parts, 2),
    skipTuning: skipTuning || parts < 2,
  }];
}

function untimed(candidate: Candidate): Candidate {
  return { ...candidate, skipTuning: true };
}

function atLeast1(n: number): number {
  return Math.max(n, 1);
}

/** The number of `parts` that get a stage of the depth, if all but the last get equally many. */
function evenParts(depth: number, { parts, stage }: { parts: number; stage: number }): number {
  const stages = Math.ceil(depth / stage);
  return Math.ceil(stages / Math.ceil(stages / parts));
}

/** The tiles of `rows` × `columns` outputs, as x and z of a grid. */
export function tiling(
  { rows: tileRows, columns: tileColumns, tilesPerGroup }: Variant,
  { rows, columns }: { rows: number; columns: number },
): { x: number; z: number } {
  const x = Math.ceil(rows / tileRows), z = Math.ceil(columns / tileColumns);
  return tilesPerGroup > 0 ? { x: Math.ceil(x * z / tilesPerGroup), z: 1 } : { x, z };
}

/** The workgroups of a candidate: `n`, counted through x and y of a grid, times `z`. */
export function workgroups(
  { variant, parts }: Candidate,
  { kind, rows, columns, count }: Matrices,
): { n: number; z: number } {
  const { x, z } = tiling(variant, { rows, columns });
  if (variant.splits) return { n: x * z * parts, z: count };
  return kind === "backwardWeights" ? { n: x * z * parts, z: 1 } : { n: x, z: z * count };
}
