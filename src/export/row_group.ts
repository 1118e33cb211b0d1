/**
 * Rows that are gathered until they make a group.
 *
 * @module
 */
import type { EmbeddingRows } from "./embedding_rows.ts";

/** Gathers rows of vectors. Batches must fill a group exactly, but for the last one. */
export class RowGroup {
  readonly #size: number;
  readonly #dims: number;
  readonly #vectors: Float32Array<ArrayBuffer>;
  #parts: EmbeddingRows[] = [];
  #rows = 0;

  /** @param size Rows of a group. */
  constructor(dims: number, size: number) {
    this.#dims = dims;
    this.#size = size;
    this.#vectors = new Float32Array(size * dims);
  }

  /** The rows gathered so far. */
  get rows(): number {
    return this.#rows;
  }

  /** Whether the group is complete. */
  get isFull(): boolean {
    return this.#rows === this.#size;
  }

  /** Adds the rows of a batch. */
  add(rows: EmbeddingRows): void {
    if (this.#rows + rows.keys.length > this.#size) {
      throw new RangeError(`Cannot add ${rows.keys.length} rows to ${this.#rows} of ${this.#size}.`);
    }
    this.#vectors.set(rows.vectors, this.#rows * this.#dims);
    this.#parts.push(rows);
    this.#rows += rows.keys.length;
  }

  /** The rows; the group is empty then. Their vectors may be used until the next rows are added. */
  take(): EmbeddingRows {
    const parts = this.#parts, vectors = this.#vectors.subarray(0, this.#rows * this.#dims);
    [this.#parts, this.#rows] = [[], 0];
    const joined = (name: "labels" | "widths" | "heights") =>
      Int32Array.from(parts.flatMap((part) => [...part[name]]));
    return {
      keys: parts.flatMap(({ keys }) => keys),
      names: parts.flatMap(({ names }) => names),
      labels: joined("labels"),
      widths: joined("widths"),
      heights: joined("heights"),
      vectors,
    };
  }
}
