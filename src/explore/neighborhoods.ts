/**
 * What the nearest neighbors of all rows tell: how far out a row lies, and which rows are nearly the same.
 *
 * @module
 */
import { type Duplicate, groupsIn } from "../export/duplicates.ts";
import type { EmbeddingsTable } from "../export/embeddings_table.ts";
import { Groups } from "../export/groups.ts";
import { nearestRows } from "../export/nearest_rows.ts";
import { PairFinder } from "../export/pair_finder.ts";
import { exactCosine, paddedDims, unitRows } from "../export/vector_block.ts";
import type { Gpu } from "../gpu/device.ts";
import { deviceProfileOf } from "../graph/kernel_choice.ts";
import type { ChosenRows } from "./chosen_rows.ts";

/** Neighbors of a row, at most. */
export const NEIGHBORS = 15;

/** The nearest rows of each row, nearest first. */
export interface Neighborhoods {
  /** Neighbors of each row. */
  k: number;
  /** [rows, k] */
  neighbors: Uint32Array<ArrayBuffer>;
  /** [rows, k] */
  cosines: Float32Array<ArrayBuffer>;
}

/** The neighbors of all rows by cosine: all pairs are compared, on the GPU. */
export async function neighborhoodsOf(
  gpu: Gpu,
  { table, signal, onProgress }: {
    table: ChosenRows;
    signal?: AbortSignal;
    onProgress?: (pairs: number, total: number) => void;
  },
): Promise<Neighborhoods> {
  const { rows } = table, k = Math.min(NEIGHBORS, rows - 1);
  const exclude = Uint32Array.from({ length: rows }, (_, row) => row);
  // A copy, as it is divided by its lengths in place.
  const vectors = table.vectors.slice();
  const found = await nearestRows(gpu, { table, vectors, k, exclude, signal, onProgress });
  const neighbors = new Uint32Array(rows * k), cosines = new Float32Array(rows * k);
  for (const [i, near] of found.entries()) {
    near.forEach(({ row, cosine }, j) => {
      neighbors[i * k + j] = row;
      cosines[i * k + j] = cosine;
    });
  }
  return { k, neighbors, cosines };
}

/** The outlier score of each row: the mean of 1 − cosine to its neighbors. */
export function outlierScores({ k, cosines }: Neighborhoods): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: cosines.length / k }, (_, row) => {
    let sum = 0;
    for (let j = 0; j < k; j++) sum += 1 - cosines[row * k + j];
    return sum / k;
  });
}

/**
 * Groups of rows whose cosine is at least `threshold`, directly or through others, as `findDuplicates` finds them. The neighbors
 * hold all such pairs, unless all neighbors of a row are that near: then all pairs are compared once more.
 */
export async function duplicatesAmong(
  gpu: Gpu,
  { table, near, threshold, signal, onProgress }: {
    table: ChosenRows;
    near: Neighborhoods;
    threshold: number;
    signal?: AbortSignal;
    onProgress?: (pairs: number, total: number) => void;
  },
): Promise<Duplicate[][]> {
  const { k, neighbors, cosines } = near, groups = new Groups(table.rows);
  const D = paddedDims(table), vectors = unitRows(table.vectors.slice(), { dims: table.dims, D });
  const block = { first: 0, count: table.rows, vectors, D };
  for (let row = 0; row < table.rows; row++) {
    for (let j = 0; j < k; j++) {
      // float32 may round up: what is close is computed again.
      if (cosines[row * k + j] < threshold - 1e-6) break;
      const other = neighbors[row * k + j];
      if (exactCosine(block, row, block, other) < threshold) continue;
      if (j === k - 1 && k < table.rows - 1) {
        using finder = new PairFinder(gpu, { D, threshold, target: deviceProfileOf(gpu) });
        return await groupsIn(table, { finder, signal, onProgress });
      }
      groups.join(row, other);
    }
  }
  return membersOf(groups, { table, cosine: (a, b) => exactCosine(block, a, block, b) });
}

function membersOf(
  groups: Groups,
  { table, cosine }: { table: EmbeddingsTable; cosine: (a: number, b: number) => number },
): Duplicate[][] {
  const found = new Map<number, Duplicate[]>();
  for (let row = 0; row < table.rows; row++) {
    const first = groups.firstOf(row), key = table.keys[row];
    if (first === row) continue;
    if (!found.has(first)) found.set(first, [{ row: first, key: table.keys[first], cosine: 1 }]);
    found.get(first)!.push({ row, key, cosine: cosine(first, row) });
  }
  return [...found.values()].sort(([a], [b]) => a.row - b.row);
}
