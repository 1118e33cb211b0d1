/**
 * Counts the images of a stream whose number is unknown, while it is read.
 *
 * @module
 */
import type { Shard, ShardImage, StreamedSource } from "./sources/types.ts";

/** What the shards hold that were read from their beginning to their end. */
export interface StreamCounts {
  /** Images. */
  images: number;
  /** Images without a label. */
  unlabeled: number;
  /** Whether all shards were read. */
  complete: boolean;
}

/** `source`, which counts its images as they are read; a shard is counted once. */
export function counting(source: StreamedSource): { source: StreamedSource; counts(): StreamCounts } {
  const found = new Map<number, Omit<StreamCounts, "complete">>();
  const shards = source.shards.map((shard, s): Shard => ({
    ...shard,
    open: (options) =>
      counted(shard.open(options), options.from === 0 && !found.has(s), (c) => found.set(s, c)),
  }));
  const { kind, name, length, classes, fingerprint, survey } = source;
  return {
    source: {
      ...{ kind, name, length, classes, fingerprint, survey, shards },
      [Symbol.asyncIterator]: () => source[Symbol.asyncIterator](),
      close: () => source.close(),
    },
    counts() {
      const all = [...found.values()];
      return {
        images: all.reduce((sum, { images }) => sum + images, 0),
        unlabeled: all.reduce((sum, { unlabeled }) => sum + unlabeled, 0),
        complete: found.size === shards.length,
      };
    },
  };
}

async function* counted(
  images: AsyncIterable<ShardImage>,
  counts: boolean,
  finished: (count: Omit<StreamCounts, "complete">) => void,
): AsyncGenerator<ShardImage> {
  const count = { images: 0, unlabeled: 0 };
  for await (const image of images) {
    count.images++;
    if (image.label === null) count.unlabeled++;
    yield image;
  }
  if (counts) finished(count);
}
