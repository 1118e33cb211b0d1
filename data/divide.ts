/**
 * Divides a source into images to train on and images that are held out, and takes samples of it.
 *
 * @module
 */
import { keyedRandom, permutation } from "../src/base/random.ts";
import { mixedOrder } from "./mixed_order.ts";
import type { ImageSource, StreamedSource } from "./sources/types.ts";
import { filteredShards, subsetOf } from "./subset.ts";

/**
 * In which order images are taken: "mixed" by a seed, each class in its share where labels are known beforehand; or
 * "source", as they lie.
 */
export type TakingOrder = "mixed" | "source";

/** How a source is divided. */
export interface DivideOptions {
  /** How many images are held out: their number, or their share between 0 and 1. */
  holdout: number;
  /** How many others are kept for training. Default: all. */
  limit?: number | null;
  /** Default: "mixed". In source order the images to train on come first. */
  order?: TakingOrder;
  /** The key of the mixed order: the same seed gives the same parts. */
  seed: number;
}

/** Both parts of a source. Closing them leaves it open. */
export interface Division {
  /** The images to train on. */
  train: ImageSource;
  /** The others; null if none are held out. */
  heldOut: ImageSource | null;
}

/** Keep the draws of streams and of shards apart from all others. */
const STREAM_KEY = 2 ** 53 - 6, SHARD_KEY = 2 ** 53 - 7;

/** How many images of a source of `length` are held out. */
export function heldOutCount(holdout: number, length: number): number {
  return holdout < 1 ? Math.round(holdout * length) : holdout;
}

/**
 * Divides `source`. Its images keep their numbers. Of a stream whose number of images is unknown a share can be held out:
 * each image is drawn by its shard and number.
 *
 * @throws {RangeError} if there are too few images, or if a stream of unknown length has to be counted or ordered.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { openSource } from "./sources/open.ts";
 * import { divide } from "./divide.ts";
 *
 * const source = await openSource("shapes:200");
 * const { train, heldOut } = divide(source, { holdout: 20, seed: 7 });
 * deepStrictEqual([train.length, heldOut?.length], [180, 20]); // 2 of each of the 10 classes are held out
 * source.close();
 * ```
 */
export function divide(
  source: ImageSource,
  { holdout, limit = null, order = "mixed", seed }: DivideOptions,
): Division {
  const { length, name } = source;
  if (length === null) return divideStream(source as StreamedSource, { holdout, limit, order, seed });
  const held = heldOutCount(holdout, length), train = limit ?? length - held;
  if (train < 0 || train + held > length) {
    throw new RangeError(`Cannot divide "${name}" into ${train} and ${held} images: it has ${length}`);
  }
  if (train === length) return { train: source, heldOut: null };
  const numbers = orderOf(source, { order, seed });
  const part = (from: number, count: number) => subsetOf(source, numbers.slice(from, from + count).sort());
  const [trainFrom, heldFrom] = order === "mixed" ? [held, 0] : [0, train];
  return { train: part(trainFrom, train), heldOut: held > 0 ? part(heldFrom, held) : null };
}

/**
 * About `count` images of `source`, all if it has no more. In mixed order they are like the whole. Of a stream whose number of
 * images is unknown they are the first ones of all shards, or of some if there are many.
 */
export function sampleOf(
  source: ImageSource,
  { count, order = "mixed", seed }: { count: number; order?: TakingOrder; seed: number },
): ImageSource {
  const { length } = source;
  if (length === null) return firstOfShards(source as StreamedSource, { count, seed });
  if (count >= length) return source;
  return subsetOf(source, orderOf(source, { order, seed }).slice(0, count).sort());
}

/** The numbers of all images, in the order in which they are taken. */
function orderOf(source: ImageSource, { order, seed }: { order: TakingOrder; seed: number }) {
  const n = source.length!;
  if (order === "source") return Uint32Array.from({ length: n }, (_, i) => i);
  const labelOf = source.label && ((index: number) => source.label!(index));
  return mixedOrder(n, { labelOf, seed });
}

function divideStream(
  source: StreamedSource,
  { holdout, limit, order, seed }: Required<DivideOptions>,
): Division {
  const { name, fingerprint } = source;
  if (holdout === 0 && limit === null) return { train: source, heldOut: null };
  if (holdout >= 1 || limit !== null || order === "source") {
    throw new RangeError(`Cannot count images of "${name}" off: their number is unknown until they are read`);
  }
  const part = (which: "train" | "held out") =>
    filteredShards(source, {
      fingerprint: `${fingerprint} ${which} ${holdout} ${seed}`,
      lengthOf: () => null,
      *numbersOf(s, from) {
        for (let number = 0, place = 0;; number++) {
          const isHeldOut = keyedRandom(seed, STREAM_KEY, s, number).uniform() < holdout;
          if (isHeldOut === (which === "held out") && place++ >= from) yield number;
        }
      },
    });
  return { train: part("train"), heldOut: part("held out") };
}

/** The first images of each shard, as many of each; of `count` drawn shards if there are more of them. */
function firstOfShards(
  source: StreamedSource,
  { count, seed }: { count: number; seed: number },
): ImageSource {
  const { shards, fingerprint } = source, each = Math.ceil(count / shards.length);
  const chosen = new Set(permutation(shards.length, keyedRandom(seed, SHARD_KEY)).subarray(0, count));
  return filteredShards(source, {
    fingerprint: `${fingerprint} ${count} first ${seed}`,
    lengthOf: (s) => chosen.has(s) ? null : 0,
    *numbersOf(_, from) {
      for (let number = from; number < each; number++) yield number;
    },
  });
}
