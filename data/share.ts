/**
 * The part of a run's batches that one of several ranks makes.
 *
 * The ranks take the batches of the run in turn, a round at a time: batch k belongs to rank k mod R. Which samples a batch has
 * depends on the order alone, so each rank passes over those of the others before they are read or decoded.
 *
 * @module
 */
import type { Position } from "./order.ts";

/** Which of the ranks this one is. */
export interface Share {
  /** This rank: 0 … ranks − 1. */
  rank: number;
  /** How many there are. */
  ranks: number;
}

/** A batch of a round, made here or by another rank. */
export interface Place {
  /** The epoch of the batch, from 0. */
  epoch: number;
  /** Where the run goes on after it. */
  next: Position;
}

/** What a cutter needs to know of a sample. */
export interface Item {
  epoch: number;
  offset: number;
  next: Position;
}

/** A sample of this rank; the last one of a batch has the places of its round. */
export type Own<T> = T & { places?: Place[] };

/** The places from `begin` to `end` that one rank takes: the ranks take windows of `size` places in turn. */
export function windowsOf(
  { begin, end }: { begin: number; end: number },
  { rank, ranks, size }: Share & { size: number },
): Uint32Array<ArrayBuffer> {
  const all = Uint32Array.from({ length: end - begin }, (_, i) => begin + i);
  return all.filter((place) => Math.floor((place - begin) / size) % ranks === rank);
}

/** Where a run goes on after `last`, the last sample of a batch: an epoch's samples that do not fill a batch are dropped. */
export function positionAfter(
  { epoch, offset, next }: Item,
  { batch, limit }: { batch: number; limit: number | null },
): Position {
  const left = limit === null ? Infinity : limit - offset - 1;
  return left < batch ? { epoch: epoch + 1, offset: 0 } : next;
}

/** Passes on the samples of one rank, a batch at a time when its round is known to be whole. */
export class Cutter<T extends Item> {
  readonly #options: Share & { batch: number; limit: number | null };
  #own: T[] = [];
  #places: Place[] = [];
  /** Samples of the current batch so far, in epoch `#epoch`. */
  #count = 0;
  #epoch = -1;

  /** @param options `batch`: samples of a batch. `limit`: samples of an epoch; null if unknown. */
  constructor(options: Share & { batch: number; limit: number | null }) {
    this.#options = options;
  }

  /** Takes the next sample of the run; returns those that this rank is to make now. */
  take(item: T): Own<T>[] {
    const { rank, ranks, batch, limit } = this.#options;
    const isOwn = this.#places.length === rank;
    if (item.epoch !== this.#epoch) {
      this.#epoch = item.epoch;
      if (isOwn) this.#own = []; // an epoch's rest
      this.#count = 0;
    }
    if (this.#count === 0 && limit !== null && item.offset + batch > limit) return [];
    if (isOwn) this.#own.push(item);
    if (++this.#count < batch) return [];
    this.#count = 0;
    this.#places.push({ epoch: item.epoch, next: positionAfter(item, { batch, limit }) });
    if (this.#places.length < ranks) return [];
    const own: Own<T>[] = this.#own;
    own[batch - 1] = { ...own[batch - 1], places: this.#places };
    [this.#own, this.#places] = [[], []];
    return own;
  }
}
