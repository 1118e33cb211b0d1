/**
 * In which order samples are visited.
 *
 * @module
 */
import { keyedRandom, permutation } from "../src/random.ts";

/** A place in the endless order of a training run: `offset` samples into epoch `epoch`. */
export interface Position {
  epoch: number;
  offset: number;
}

/** One visit of a sample, `index` in source order, at its place in the run. */
export interface Visit extends Position {
  index: number;
}

/** Keys the order of an epoch apart from the other draws of a run. */
const ORDER_KEY = 2 ** 53 - 1;

/**
 * Endless visits of the samples `first` … `first + limit − 1`, from `start` on: each epoch a permutation that depends on
 * the seed and the epoch alone.
 */
export function* trainingOrder(
  { first, limit, seed, start }: { first: number; limit: number; seed: number; start: Position },
): Generator<Visit> {
  let { epoch, offset } = start;
  for (;; epoch++, offset = 0) {
    const order = permutation(limit, keyedRandom(seed, ORDER_KEY, epoch));
    for (; offset < limit; offset++) yield { epoch, offset, index: first + order[offset] };
  }
}

/** Visits the samples `first` … `first + limit − 1` once, in source order. */
export function* sourceOrder({ first, limit }: { first: number; limit: number }): Generator<Visit> {
  for (let offset = 0; offset < limit; offset++) yield { epoch: 0, offset, index: first + offset };
}
