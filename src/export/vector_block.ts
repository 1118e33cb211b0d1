/**
 * Vectors of unit length in memory.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { roundUp } from "../gpu/memory.ts";
import type { EmbeddingsTable } from "./embeddings_table.ts";

/** Some rows of a table. */
export interface VectorBlock {
  /** The first row. */
  first: number;
  count: number;
  /** [count, D]: the vectors divided by their lengths, filled up with zeros. A vector of zeros stays one. */
  vectors: Float32Array<ArrayBuffer>;
  /** Numbers in a row, a multiple of 4. */
  D: number;
}

/** Numbers in a row of a block. */
export function paddedDims({ dims }: Pick<EmbeddingsTable, "dims">): number {
  return roundUp(dims, 4);
}

/**
 * Reads the rows from `first` on, at most `count`.
 *
 * @throws {UserError} if a vector has a number that is not finite.
 */
export async function readBlock(
  table: EmbeddingsTable,
  { first, count }: { first: number; count: number },
): Promise<VectorBlock> {
  const { dims, rows } = table, D = paddedDims(table), n = Math.min(count, rows - first);
  const vectors = unitRows(await table.read(first, n), { dims, D });
  const bad = vectors.findIndex(Number.isNaN);
  if (bad < 0) return { first, count: n, vectors, D };
  throw new UserError(
    `Cannot compare the embeddings "${table.path}": the vector of "${
      table.keys[first + Math.floor(bad / D)]
    }" has ` +
      `numbers that are not finite. Embed the images again.`,
  );
}

/** The rows of `vectors` [n, dims] divided by their lengths, [n, D]; in place if D is `dims`. Infinite rows become NaN. */
export function unitRows(
  vectors: Float32Array,
  { dims, D }: { dims: number; D: number },
): Float32Array<ArrayBuffer> {
  const n = vectors.length / dims;
  const unit = D === dims ? vectors as Float32Array<ArrayBuffer> : new Float32Array(n * D);
  for (let i = 0; i < n; i++) {
    const length = lengthOf(vectors, { at: i * dims, dims });
    const scale = length === 0 ? 0 : length < Infinity ? 1 / length : NaN;
    for (let d = 0; d < dims; d++) unit[i * D + d] = vectors[i * dims + d] * scale;
  }
  return unit;
}

function lengthOf(values: Float32Array, { at, dims }: { at: number; dims: number }): number {
  let sum = 0;
  for (let d = 0; d < dims; d++) sum += values[at + d] ** 2;
  return Math.sqrt(sum);
}

/** The cosine of row `i` of a block and row `j` of another, in double precision. */
export function exactCosine(a: VectorBlock, i: number, b: VectorBlock, j: number): number {
  let sum = 0, squareA = 0, squareB = 0;
  for (let d = 0; d < a.D; d++) {
    const x = a.vectors[i * a.D + d], y = b.vectors[j * b.D + d];
    sum += x * y;
    squareA += x * x;
    squareB += y * y;
  }
  return sum === 0 ? 0 : sum / Math.sqrt(squareA * squareB);
}
