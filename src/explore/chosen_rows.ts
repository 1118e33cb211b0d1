/**
 * The rows of a table that a page shows, in memory.
 *
 * @module
 */
import { keyedRandom } from "../base/random.ts";
import type { EmbeddingsTable } from "../export/embeddings_table.ts";

/** Some rows of a table, with their vectors in memory. */
export interface ChosenRows extends EmbeddingsTable {
  /** The number of each row in the whole table; null if all were chosen. */
  numbers: Uint32Array<ArrayBuffer> | null;
  /** [rows, dims] */
  vectors: Float32Array<ArrayBuffer>;
}

/** Rows that are read at a time. */
const BLOCK = 8192;
const SAMPLE_KEY = 2 ** 43;

/** All rows of `table`, or `sample` of them, drawn by `seed`, in the order of the table. */
export async function chooseRows(
  table: EmbeddingsTable,
  { sample = table.rows, seed, signal }: { sample?: number; seed: number; signal?: AbortSignal },
): Promise<ChosenRows> {
  const { dims } = table, numbers = sample < table.rows ? drawn(table.rows, { sample, seed }) : null;
  const rows = numbers?.length ?? table.rows, vectors = new Float32Array(rows * dims);
  for (let first = 0, done = 0; first < table.rows; first += BLOCK) {
    signal?.throwIfAborted();
    const count = Math.min(BLOCK, table.rows - first), block = await table.read(first, count);
    for (let i = 0; i < count; i++) {
      if (numbers && numbers[done] !== first + i) continue;
      vectors.set(block.subarray(i * dims, (i + 1) * dims), done++ * dims);
    }
  }
  const of = <T>(all: readonly T[]) => numbers ? Array.from(numbers, (row) => all[row]) : all;
  return {
    ...table,
    rows,
    keys: of(table.keys),
    labels: table.labels && of(table.labels),
    numbers,
    vectors,
    read: (first, count) => Promise.resolve(vectors.slice(first * dims, (first + count) * dims)),
  };
}

/** `sample` different numbers below `n`, in ascending order: Floyd's algorithm. */
function drawn(n: number, { sample, seed }: { sample: number; seed: number }): Uint32Array<ArrayBuffer> {
  const { integer } = keyedRandom(seed, SAMPLE_KEY), chosen = new Set<number>();
  for (let last = n - sample; last < n; last++) {
    const number = integer(last + 1);
    chosen.add(chosen.has(number) ? last : number);
  }
  return Uint32Array.from(chosen).sort();
}
