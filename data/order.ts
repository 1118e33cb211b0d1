/**
 * The order in which samples are visited.
 *
 * @module
 */
import { keyedRandom, permutation } from "../src/base/random.ts";

/** A position in the endless order of a training run, `offset` samples into epoch `epoch`. Plain JSON. */
export interface Position {
  /** The epoch, from 0. */
  epoch: number;
  /** Samples consumed in the epoch. */
  offset: number;
  /** In a streamed source, the current shuffle block: reading resumes at its start. */
  block?: BlockPosition;
}

/** A shuffle block, and how much of it has been consumed. */
export interface BlockPosition {
  /** The block's number in the epoch. */
  number: number;
  /** The rank, in the epoch's order of shards, of the shard with the block's first image. */
  shardRank: number;
  /** The number of the block's first image in that shard. */
  from: number;
  /** The byte at which reading can begin for that image; null if it is unknown or of no use. */
  at: number | null;
  /** Images consumed of the block. */
  done: number;
}

/** One visit of the sample at place `index` of the source during a run. */
export interface Visit {
  epoch: number;
  offset: number;
  index: number;
}

/** Keep the draws of epoch and block orders apart from the other draws of a run. */
const ORDER_KEY = 2 ** 53 - 1, BLOCK_KEY = 2 ** 53 - 2;

/** The order of `n` samples or shards in an epoch. */
export function epochOrder(n: number, { seed, epoch }: { seed: number; epoch: number }): Uint32Array {
  return permutation(n, keyedRandom(seed, ORDER_KEY, epoch));
}

/** The order in which the `n` images of a shuffle block are delivered. */
export function blockOrder(
  n: number,
  { seed, epoch, block }: { seed: number; epoch: number; block: number },
): Uint32Array {
  return permutation(n, keyedRandom(seed, BLOCK_KEY, epoch, block));
}

/**
 * Endless visits of `length` samples, from `start` on. Each epoch is a permutation that depends only on the seed and the
 * epoch.
 */
export function* trainingOrder(
  { length, seed, start }: { length: number; seed: number; start: Position },
): Generator<Visit> {
  let { epoch, offset } = start;
  for (;; epoch++, offset = 0) {
    const order = epochOrder(length, { seed, epoch });
    for (; offset < length; offset++) yield { epoch, offset, index: order[offset] };
  }
}

/** Visits `length` samples once, in source order. */
export function* sourceOrder({ length }: { length: number }): Generator<Visit> {
  for (let offset = 0; offset < length; offset++) yield { epoch: 0, offset, index: offset };
}
