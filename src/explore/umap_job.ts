/**
 * What a map by UMAP is made of, and what its Worker answers.
 *
 * @module
 */

/** What a map is made of. */
export interface UmapJob {
  /** [n, k]: the nearest rows of each row. */
  neighbors: Uint32Array<ArrayBuffer>;
  /** [n, k] */
  cosines: Float32Array<ArrayBuffer>;
  k: number;
  /** [n, 2]: where the points start. */
  start: Float32Array<ArrayBuffer>;
  seed: number;
}

/** What the Worker answers. */
export type UmapAnswer = { epoch: number; epochs: number } | { points: Float32Array<ArrayBuffer> };
