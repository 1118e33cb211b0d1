/**
 * The images of a stream that one of several ranks takes, in source order: windows of so many images in turn.
 *
 * Each rank reads the whole stream, and passes over the images of the others before they are decoded.
 *
 * @module
 */
import type { BlockPosition, Position } from "./order.ts";
import type { Share } from "./share.ts";
import { blockAfter, inOrder } from "./shuffle.ts";
import type { EncodedImage, ShardImage, StreamedSource } from "./sources/types.ts";

/** Where an image is. */
export interface StreamPlace {
  /** Images before it in the source. */
  place: number;
  /** Where reading goes on after it. */
  block: BlockPosition;
}

/** The windows of one rank. */
export interface StreamWindows {
  /** The images, as a source. */
  source: StreamedSource;
  /** Where image `index` is. To be asked once, when the image has come. */
  placeOf(index: number): StreamPlace;
  /** The number of images of the whole stream; null until its end is read. */
  length(): number | null;
}

/** The images of `whole` from `start` on that the rank takes. The source can be read once. */
export function streamWindows(
  whole: StreamedSource,
  { start, rank, ranks, size }: Share & { start: Position; size: number },
): StreamWindows {
  const places = new Map<number, StreamPlace>();
  let length: number | null = null;
  async function* images(signal: AbortSignal): AsyncGenerator<ShardImage> {
    let place = start.offset, number = 0;
    for await (const image of inOrder(whole, { begin: start.block, signal })) {
      if (Math.floor((place - start.offset) / size) % ranks === rank) {
        places.set(image.index, { place, block: blockAfter(image) });
        yield { ...image, number: number++ };
      }
      place++;
    }
    length = place;
  }
  const { kind, name, classes, fingerprint, survey } = whole, never = new AbortController().signal;
  const shard = {
    name,
    length: null,
    open: ({ signal = never }: { signal?: AbortSignal }) => images(signal),
  };
  return {
    source: {
      ...{ kind, name, classes, fingerprint, survey, length: null, shards: [shard] },
      async *[Symbol.asyncIterator](): AsyncGenerator<EncodedImage> {
        for await (const { index, key, bytes, label } of images(never)) {
          yield { index: index!, key, bytes, label };
        }
      },
      close() {},
    },
    placeOf(index) {
      const place = places.get(index)!;
      places.delete(index);
      return place;
    },
    length: () => length,
  };
}
