/**
 * The order of a streamed source: shards in an order drawn for the epoch, their images through a shuffle block.
 *
 * A block is some neighbouring images of that sequence, handed out in an order drawn for it while the next one is being
 * filled. What is in it depends on the sequence alone, never on timing; so a run goes on from any place by reading the
 * block in hand again.
 *
 * @module
 */
import { UserError } from "../src/base/errors.ts";
import { blockOrder, type BlockPosition, epochOrder, type Position } from "./order.ts";
import type { ShardImage, StreamedSource } from "./sources/types.ts";
import { firstIndices } from "./sources/streamed.ts";

/** A block has so many images at most, and is closed by the one that brings it to so many encoded bytes. */
export const BLOCK = { count: 1000, bytes: 256 * 2 ** 20 };

/** An image of a streamed source, at its place in an epoch. */
export interface Arrival extends ShardImage {
  index: number;
  /** The place of its shard in the epoch's order. */
  place: number;
}

/** A visit of it, and where a run goes on after that. */
export interface Shuffled {
  image: Arrival;
  epoch: number;
  offset: number;
  next: Position;
}

/** The images `from` … `to` − 1 of shard `shard`. */
interface Span {
  shard: number;
  from: number;
  to: number;
}

/** The parts of shards that images `first` … `first + limit − 1` are in; all if `limit` is null. */
export function spansOf(
  { shards }: StreamedSource,
  { first, limit }: { first: number; limit: number | null },
): Span[] {
  const begins = firstIndices(shards), end = limit === null ? Infinity : first + limit;
  return shards
    .map(({ length }, shard) => ({
      shard,
      from: Math.max(0, first - begins[shard]),
      to: Math.min(length ?? Infinity, end - begins[shard]),
    }))
    .filter(({ from, to }) => from < to);
}

/** Where to begin in a sequence of spans. */
type Begin = Pick<BlockPosition, "place" | "from" | "at">;

/** The images of `spans`, one span after the other, from `begin` on. */
export async function* inOrder(
  source: StreamedSource,
  { spans, begin, signal }: { spans: Span[]; begin?: Begin; signal: AbortSignal },
): AsyncGenerator<Arrival> {
  const first = firstIndices(source.shards);
  for (let place = begin?.place ?? 0; place < spans.length; place++) {
    const { shard: s, from: start, to } = spans[place];
    const shard = source.shards[s];
    const { from, at } = begin && place === begin.place ? begin : { from: start, at: null };
    let number = from;
    for await (const image of shard.open({ from, at, signal })) {
      signal.throwIfAborted();
      yield { ...image, place, index: first[s] + image.number };
      number = image.number + 1;
      if (number >= to) break;
    }
    if (number < to && to < Infinity) {
      throw new UserError(
        `Cannot read ${shard.name} as it has changed: expected ${shard.length} images, as when it was opened: it ends ` +
          `after ${number}. Leave data as they are while they are read, and begin again.`,
      );
    }
  }
}

/** Images that follow each other in an epoch's sequence. */
interface Block {
  epoch: number;
  number: number;
  images: Arrival[];
  /** The image behind it; null if it is the epoch's last block, undefined if that image cannot be read. */
  behind: Arrival | null | undefined;
}

/** The blocks from `start` on, without end. Each is filled when it is asked for. */
async function* blocks(
  source: StreamedSource,
  { seed, spans, start, signal }: { seed: number; spans: Span[]; start: Position; signal: AbortSignal },
): AsyncGenerator<Block> {
  let begin: BlockPosition | undefined = start.block;
  for (let { epoch } = start;; epoch++, begin = undefined) {
    const order = Array.from(epochOrder(spans.length, { seed, epoch }), (s) => spans[s]);
    const images = inOrder(source, { spans: order, begin, signal });
    const take = () => {
      const image = images.next().then(({ done, value }) => done ? null : value);
      image.catch(() => {}); // what fails is told when its block is filled: the one before is whole
      return image;
    };
    try {
      let ahead = take(), behind: Arrival | null | undefined;
      for (let number = begin?.number ?? 0; behind !== null; number++) {
        const filled: Arrival[] = [];
        for (let bytes = 0; filled.length < BLOCK.count && bytes < BLOCK.bytes; ahead = take()) {
          const image = await ahead;
          if (image === null) break;
          filled.push(image);
          bytes += image.bytes.length;
        }
        if (filled.length === 0) throw noImages(source);
        behind = await ahead.catch(() => undefined);
        yield { epoch, number, images: filled, behind };
      }
    } finally {
      await images.return(undefined);
    }
  }
}

/** Endless visits of the images of `spans` from `start` on, each epoch in another order. */
export async function* shuffled(
  source: StreamedSource,
  { seed, spans, start, signal }: { seed: number; spans: Span[]; start: Position; signal: AbortSignal },
): AsyncGenerator<Shuffled> {
  const filled = blocks(source, { seed, spans, start, signal });
  const ask = () => {
    const block = filled.next();
    block.catch(() => {}); // it is reported when its turn comes
    return block;
  };
  let { offset } = start, done = start.block?.done ?? offset;
  try {
    for (let upcoming = ask();;) {
      const { epoch, number, images, behind }: Block = (await upcoming).value;
      upcoming = ask(); // so that it fills while this one is handed out
      const { place, number: from, at } = images[0];
      const order = blockOrder(images.length, { seed, epoch, block: number });
      for (; done < images.length; done++) {
        const image = images[order[done]];
        delete images[order[done]]; // what has been handed out may be freed
        const last = done + 1 === images.length;
        let next: Position = {
          epoch,
          offset: offset + 1,
          block: { number, place, from, at, done: done + 1 },
        };
        if (last && behind === null) next = { epoch: epoch + 1, offset: 0 };
        else if (last && behind) next.block = blockAt(number + 1, behind);
        yield { image, epoch, offset: offset++, next };
      }
      // More than the block has: of a position without a block, whose blocks are filled and passed over.
      done -= images.length;
      if (behind === null) offset = done = 0;
    }
  } finally {
    await filled.return(undefined);
  }
}

function blockAt(number: number, { place, number: from, at }: Arrival): BlockPosition {
  return { number, place, from, at, done: 0 };
}

/** The error for a source in which no image was found. */
export function noImages({ name }: StreamedSource): UserError {
  return new UserError(
    `Cannot read images from ${name}: expected at least one where its reading begins: found none. Check --data, and ` +
      `whether it has changed since the run began.`,
  );
}
