/**
 * The neighbors of the held-out images at the last evaluations, which the next ones are compared with.
 *
 * @module
 */
import { sharedNeighbors } from "../eval/neighbors.ts";

/** What a checkpoint keeps of it; a JSON value. */
export interface NeighborState {
  /** Held-out images. */
  images: number;
  /** Neighbors of each. */
  k: number;
  /** Of each of the last evaluations, the latest last: [images, k] rows of images, two bytes each, in base64. */
  evaluations: string[];
}

/** Evaluations back that are compared. */
export const LAGS = 4;

/** The state before the first evaluation. */
export const NO_NEIGHBORS: NeighborState = { images: 0, k: 0, evaluations: [] };

/**
 * The share of neighbors that `neighbors` have in common with those 1, 2, … {@linkcode LAGS} evaluations ago, as far as
 * there were any of the same images; and the state with them.
 */
export function compareNeighbors(
  state: NeighborState,
  neighbors: readonly (readonly number[])[],
): { shared: number[]; state: NeighborState } {
  const images = neighbors.length, k = neighbors[0]?.length ?? 0;
  const isSame = state.images === images && state.k === k;
  const evaluations = isSame ? state.evaluations : [];
  const shared = evaluations.toReversed().map((text) => sharedNeighbors(decoded(text, k), neighbors));
  return { shared, state: { images, k, evaluations: [...evaluations, encoded(neighbors)].slice(-LAGS) } };
}

function encoded(neighbors: readonly (readonly number[])[]): string {
  return new Uint8Array(Uint16Array.from(neighbors.flat()).buffer).toBase64();
}

function decoded(text: string, k: number): number[][] {
  const rows = new Uint16Array(Uint8Array.fromBase64(text).buffer);
  return Array.from({ length: rows.length / k }, (_, i) => Array.from(rows.subarray(i * k, (i + 1) * k)));
}
