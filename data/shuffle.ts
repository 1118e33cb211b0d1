/**
 * The order of a streamed source: shards are shuffled in each epoch, and their images in blocks.
 *
 * A block holds consecutive images of that sequence and delivers them in random order while the next block is filled. Its
 * content depends on the sequence only, never on timing, so a run can resume anywhere by reading the current block again.
 *
 * @module
 */
import { UserError } from "../src/base/errors.ts";
import { blockOrder, type BlockPosition, epochOrder, type Position } from "./order.ts";
import type { ShardImage, StreamedSource } from "./sources/types.ts";
import { firstIndices } from "./sources/streamed.ts";

/** A block ends at this many images, or with the image that brings it to this many encoded bytes. */
export const BLOCK = { count: 1000, bytes: 256 * 2 ** 20 };

/** An image of a streamed source during an epoch. */
export interface Arrival extends ShardImage {
  index: number;
  /** The rank of its shard in the epoch's order. */
  shardRank: number;
}

/** A visit of an image, and where to resume after it. */
export interface Shuffled {
  image: Arrival;
  epoch: number;
  offset: number;
  next: Position;
}

/** Where to begin in a sequence of shards. */
type Begin = Pick<BlockPosition, "shardRank" | "from" | "at">;

/** The images of the shards in the given order of their numbers, by default as they lie; from `begin` on. */
export async function* inOrder(
  { shards }: StreamedSource,
  { order = Uint32Array.from(shards.keys()), begin, signal }: {
    order?: Uint32Array;
    begin?: Begin;
    signal: AbortSignal;
  },
): AsyncGenerator<Arrival> {
  const first = firstIndices(shards);
  const open = (shardRank: number) => {
    const shard = shards[order[shardRank]];
    const { from, at } = begin && shardRank === begin.shardRank ? begin : { from: 0, at: null };
    return { from, images: shard.open({ from, at, signal }) };
  };
  const early: ReturnType<typeof open>[] = []; // the shards behind the one that is read
  try {
    for (let shardRank = begin?.shardRank ?? 0; shardRank < order.length; shardRank++) {
      const s = order[shardRank], shard = shards[s], to = shard.length ?? Infinity;
      const { from, images } = early.shift() ?? open(shardRank);
      while (early.length < (shard.ahead ?? 0) && shardRank + early.length + 1 < order.length) {
        const next = open(shardRank + early.length + 1);
        early.push({ ...next, images: startedEarly(next.images) });
      }
      let number = from;
      for await (const image of images) {
        signal.throwIfAborted();
        yield { ...image, shardRank, index: image.index ?? first[s] + image.number };
        number = image.number + 1;
        if (number >= to) break;
      }
      if (number < to && to < Infinity) {
        throw new UserError(
          `Cannot read "${shard.name}": it ends after ${number} images, but had ${shard.length} when it was opened. Do ` +
            `not change the data during a run, and start again.`,
        );
      }
    }
  } finally {
    await Promise.allSettled(early.map(({ images }) => images[Symbol.asyncIterator]().return?.()));
  }
}

/** Where source order goes on after an image. */
export function blockAfter({ shardRank, number }: Arrival): BlockPosition {
  return { number: 0, shardRank, from: number + 1, at: null, done: 0 };
}

/** `images`, the first of which is asked for at once. */
function startedEarly<T>(images: AsyncIterable<T>): AsyncIterable<T> {
  const iterator = images[Symbol.asyncIterator]();
  let first: Promise<IteratorResult<T>> | null = iterator.next();
  first.catch(() => {}); // it is thrown when its turn comes
  const begun = {
    next: () => {
      const result = first ?? iterator.next();
      first = null;
      return result;
    },
    return: async () => await iterator.return?.() ?? { done: true as const, value: undefined },
    [Symbol.asyncIterator]: () => begun,
  };
  return begun;
}

/** Consecutive images of an epoch's sequence. */
interface Block {
  epoch: number;
  number: number;
  images: Arrival[];
  /** The first image after the block; null after the epoch's last block, undefined if that image cannot be read. */
  following: Arrival | null | undefined;
}

/** Endless blocks from `start` on. Each is filled when it is asked for. */
async function* blocks(
  source: StreamedSource,
  { seed, start, signal }: { seed: number; start: Position; signal: AbortSignal },
): AsyncGenerator<Block> {
  let begin: BlockPosition | undefined = start.block;
  for (let { epoch } = start;; epoch++, begin = undefined) {
    const order = epochOrder(source.shards.length, { seed, epoch });
    const images = inOrder(source, { order, begin, signal });
    const take = () => {
      const image = images.next().then(({ done, value }) => done ? null : value);
      image.catch(() => {}); // the error is thrown when this image's block is filled: the block before is complete
      return image;
    };
    try {
      let ahead = take(), following: Arrival | null | undefined;
      for (let number = begin?.number ?? 0; following !== null; number++) {
        const filled: Arrival[] = [];
        for (let bytes = 0; filled.length < BLOCK.count && bytes < BLOCK.bytes; ahead = take()) {
          const image = await ahead;
          if (image === null) break;
          filled.push(image);
          bytes += image.bytes.length;
        }
        if (filled.length === 0) throw noImages(source);
        following = await ahead.catch(() => undefined);
        yield { epoch, number, images: filled, following };
      }
    } finally {
      await images.return(undefined);
    }
  }
}

/** Endless visits of the images of `source` from `start` on, each epoch in another order. */
export async function* shuffled(
  source: StreamedSource,
  { seed, start, signal }: { seed: number; start: Position; signal: AbortSignal },
): AsyncGenerator<Shuffled> {
  const filled = blocks(source, { seed, start, signal });
  const ask = () => {
    const block = filled.next();
    block.catch(() => {}); // the error is thrown when this block is delivered
    return block;
  };
  let { offset } = start, done = start.block?.done ?? offset;
  try {
    for (let upcoming = ask();;) {
      const { epoch, number, images, following }: Block = (await upcoming).value;
      upcoming = ask(); // it fills while this block is delivered
      const { shardRank, number: from, at } = images[0];
      const order = blockOrder(images.length, { seed, epoch, block: number });
      for (; done < images.length; done++) {
        const image = images[order[done]];
        delete images[order[done]]; // frees the image once it is consumed
        const last = done + 1 === images.length;
        let next: Position = {
          epoch,
          offset: offset + 1,
          block: { number, shardRank, from, at, done: done + 1 },
        };
        if (last && following === null) next = { epoch: epoch + 1, offset: 0 };
        else if (last && following) next.block = blockAt(number + 1, following);
        yield { image, epoch, offset: offset++, next };
      }
      // `done` exceeds the block if the start position has no block: the blocks before it are filled and skipped.
      done -= images.length;
      if (following === null) offset = done = 0;
    }
  } finally {
    await filled.return(undefined);
  }
}

function blockAt(number: number, { shardRank, number: from, at }: Arrival): BlockPosition {
  return { number, shardRank, from, at, done: 0 };
}

/** The error for a source without images. */
export function noImages({ name }: StreamedSource): UserError {
  return new UserError(
    `Cannot read images from "${name}": no image was found. Check the data, and whether they have changed since the run ` +
      `began.`,
  );
}
