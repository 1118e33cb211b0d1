/**
 * Rows of embeddings, and how a file format writes them.
 *
 * @module
 */

/** Some images with their vectors. */
export interface EmbeddingRows {
  keys: readonly string[];
  /** Indices of their classes, −1 without a label. */
  labels: Int32Array;
  /** Names of their classes; null without a label. */
  names: readonly (string | null)[];
  /** Pixels of the upright original images. */
  widths: Int32Array;
  heights: Int32Array;
  /** [rows, dims] */
  vectors: Float32Array;
}

/** What all rows of a file have in common. */
export interface EmbeddingsHeader {
  /** Length of a vector. */
  dims: number;
  /** Whether vectors are stored as float16. */
  half: boolean;
  /** How the vectors were made: texts by name. */
  metadata: Readonly<Record<string, string>>;
}

/** A JSON value. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** A file that is written row group by row group. */
export interface Piece {
  /** What follows the name of the embeddings' file; empty for that file itself. */
  suffix: string;
  /** Whether the piece is a file of its own in the end; otherwise it becomes a part of the first one. */
  kept: boolean;
}

/** How a file ends: what is written over its first bytes, and what is appended to it. */
export interface Ending {
  header?: Uint8Array;
  /** Bytes, or the number of a piece whose bytes are meant. */
  appended: readonly (Uint8Array | number)[];
}

/**
 * Writes rows in a file format. It only makes bytes, so that what was written before a crash can be continued from sizes and
 * notes alone: the same row groups always give the same bytes.
 */
export interface RowFormat {
  /** The pieces that are written side by side, the embeddings' file first. */
  readonly pieces: readonly Piece[];
  /** The first bytes of each piece. */
  start(): Uint8Array[];
  /**
   * A row group as bytes to append to each piece, the first of which has `at` bytes before it. The note is given to `finish`.
   */
  encode(rows: EmbeddingRows, at: number): { bytes: Uint8Array[]; note: Json };
  /** The ending of the first piece, after `rows` rows in groups with these `notes`. `sizes`: bytes of the pieces. */
  finish(written: { rows: number; notes: readonly Json[]; sizes: readonly number[] }): Ending;
}

/** The bytes of vectors as float32 or float16, little-endian as on every machine that Deno runs on. */
export function vectorBytes(vectors: Float32Array, half: boolean): Uint8Array {
  const { buffer, byteOffset, byteLength } = half ? new Float16Array(vectors) : vectors;
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** A key on one line: a line break within it is written as `\n` or `\r`. */
export function keyLine(key: string): string {
  return key.replaceAll("\n", "\\n").replaceAll("\r", "\\r");
}

/** Keys as lines of text. */
export function keyLines(keys: readonly string[]): Uint8Array {
  return new TextEncoder().encode(keys.map((key) => `${keyLine(key)}\n`).join(""));
}
