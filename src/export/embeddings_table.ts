/**
 * Embeddings in a file, read row by row.
 *
 * @module
 */

/** Embeddings of a file. The vectors stay in the file, but for CSV, which is read as a whole. */
export interface EmbeddingsTable {
  /** The file. */
  path: string;
  /** Number of rows. */
  rows: number;
  /** Length of a vector. */
  dims: number;
  /** The key of each row. */
  keys: readonly string[];
  /** The name of the class of each row, null without one. Left out where the file tells of none, as .npy. */
  labels?: readonly (string | null)[];
  /** How the vectors were made, if the file says so: texts by name. */
  metadata: Readonly<Record<string, string | undefined>>;
  /** The vectors of the rows `first` … `first + count − 1`, [count, dims]. */
  read(first: number, count: number): Promise<Float32Array<ArrayBuffer>>;
}
