/**
 * The rows of a table that are nearest to some vectors by cosine.
 *
 * @module
 */
import { traceCosines, transposed } from "../eval/cosines.ts";
import { Nearest } from "../eval/neighbors.ts";
import type { Gpu } from "../gpu/device.ts";
import { Memory, roundUp } from "../gpu/memory.ts";
import { deviceProfileOf } from "../graph/kernel_choice.ts";
import { Program } from "../graph/program.ts";
import { regionOf } from "../graph/tensor.ts";
import type { EmbeddingsTable } from "./embeddings_table.ts";
import { exactCosine, paddedDims, readBlock, unitRows, type VectorBlock } from "./vector_block.ts";

/** A row, and its cosine to a query. */
export interface NearRow {
  row: number;
  cosine: number;
}

/** Bytes of the vectors that are compared at once. */
const BLOCK_BYTES = 2 ** 26;
/** Queries that are compared at once. */
const QUERIES = 1024;
/** So many more than wanted are kept, as cosines in float32 may order equal ones otherwise. */
const SPARE = 16;

/**
 * The `k` nearest rows to each of `vectors` [queries, dims], nearest first; of equal ones the first.
 *
 * @param options `exclude`: for each query a row that is left out, or −1. `onProgress` hears how many pairs are compared.
 */
export async function nearestRows(
  gpu: Gpu,
  { table, vectors, k, exclude, signal, onProgress }: {
    table: EmbeddingsTable;
    vectors: Float32Array;
    k: number;
    exclude: ArrayLike<number>;
    signal?: AbortSignal;
    onProgress?: (pairs: number, total: number) => void;
  },
): Promise<NearRow[][]> {
  const D = paddedDims(table), count = exclude.length, queries = Math.min(QUERIES, count);
  const fitting = Math.floor(Math.min(BLOCK_BYTES, gpu.limits.maxBinding) / 4 / Math.max(D, queries) / 4) * 4;
  const references = Math.max(4, Math.min(roundUp(table.rows, 4), fitting));
  const asked: VectorBlock = { first: 0, count, vectors: unitRows(vectors, { dims: table.dims, D }), D };
  const { tape: { dispatches }, cosines, stores } = traceCosines(deviceProfileOf(gpu), {
    queries,
    references,
    D,
  });
  using memory = new Memory(gpu);
  using program = new Program(memory, { dispatches, keep: [cosines] });

  const nearest = Array.from({ length: count }, () => new Nearest(k + SPARE));
  for (let first = 0; first < table.rows; first += references) {
    const block = await readBlock(table, { first, count: references });
    memory.write(stores.references, transposed(block.vectors, { D, references }));
    for (let begin = 0; begin < count; begin += queries) {
      signal?.throwIfAborted();
      const part = Math.min(queries, count - begin), some = new Float32Array(queries * D);
      some.set(asked.vectors.subarray(begin * D, (begin + part) * D));
      memory.write(stores.queries, some);
      program.run();
      const values = await memory.read(regionOf(cosines));
      for (let q = 0; q < part; q++) {
        const found = nearest[begin + q], left = exclude[begin + q], at = q * references;
        for (let i = 0; i < block.count; i++) if (first + i !== left) found.offer(first + i, values[at + i]);
      }
      onProgress?.(first * count + (begin + part) * block.count, table.rows * count);
    }
  }
  const exact: NearRow[][] = [];
  for (const [q, { rows }] of nearest.entries()) exact.push(await ranked(rows, { asked, q, table, k }));
  return exact;
}

/** The first `k` of `rows` by their cosines to query `q` in double precision. */
async function ranked(
  rows: readonly number[],
  { asked, q, table, k }: { asked: VectorBlock; q: number; table: EmbeddingsTable; k: number },
): Promise<NearRow[]> {
  const exact: NearRow[] = [];
  for (const row of rows) {
    const block = await readBlock(table, { first: row, count: 1 });
    exact.push({ row, cosine: exactCosine(asked, q, block, 0) });
  }
  return exact.sort((a, b) => b.cosine - a.cosine || a.row - b.row).slice(0, k);
}
