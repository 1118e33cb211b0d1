/**
 * In which order samples are visited.
 *
 * @module
 */
import { keyedRandom, permutation } from "../src/base/random.ts";

/** A place in the endless order of a training run: `offset` samples into epoch `epoch`. Plain JSON. */
export interface Position {
  epoch: number;
  offset: number;
  /** In a streamed source, the shuffle block in hand: where to read it again, without what came before it. */
  block?: BlockPosition;
}

/** A shuffle block, and how much of it has been handed out. */
export interface BlockPosition {
  /** Which block of the epoch. */
  number: number;
  /** Its first image: in the shard at this place of the epoch's order, */
  place: number;
  /** the image of this number there, */
  from: number;
  /** which the medium has at this byte; null if that is not known or of no use. */
  at: number | null;
  /** Images handed out of the block. */
  done: number;
}

/** One visit of a sample, `index` in source order, at its place in the run. */
export interface Visit {
  epoch: number;
  offset: number;
  index: number;
}

/** Keys the order of an epoch, and that of a block, apart from the other draws of a run. */
const ORDER_KEY = 2 ** 53 - 1, BLOCK_KEY = 2 ** 53 - 2;

/** The order of `n` samples or shards in an epoch. */
export function epochOrder(n: number, { seed, epoch }: { seed: number; epoch: number }): Uint32Array {
  return permutation(n, keyedRandom(seed, ORDER_KEY, epoch));
}

/** The order in which the `n` images of a shuffle block are handed out. */
export function blockOrder(
  n: number,
  { seed, epoch, block }: { seed: number; epoch: number; block: number },
): Uint32Array {
  return permutation(n, keyedRandom(seed, BLOCK_KEY, epoch, block));
}

/**
 * Endless visits of the samples `first` … `first + limit − 1`, from `start` on: each epoch a permutation that depends on
 * the seed and the epoch alone.
 */
export function* trainingOrder(
  { first, limit, seed, start }: { first: number; limit: number; seed: number; start: Position },
): Generator<Visit> {
  let { epoch, offset } = start;
  for (;; epoch++, offset = 0) {
    const order = epochOrder(limit, { seed, epoch });
    for (; offset < limit; offset++) yield { epoch, offset, index: first + order[offset] };
  }
}

/** Visits the samples `first` … `first + limit − 1` once, in source order. */
export function* sourceOrder({ first, limit }: { first: number; limit: number }): Generator<Visit> {
  for (let offset = 0; offset < limit; offset++) yield { epoch: 0, offset, index: first + offset };
}
