/**
 * Decoded images, kept so that later epochs neither read nor decode them again.
 *
 * Views are never cached: they are drawn anew in each epoch.
 *
 * @module
 */
import type { ImageSource } from "./sources/types.ts";
import { numberIn } from "./subset.ts";
import type { DecodedImage } from "./views/resize.ts";

/** Decoded images by their index in the source; negative indices are those of {@linkcode evaluationEntries}. */
export interface PixelCache {
  /** Whether the image at `index` is cached. */
  has(index: number): boolean;
  /** The image at `index`, if it is cached. Its pixels must not be changed. */
  get(index: number): DecodedImage | undefined;
  /** Keeps a copy of `image`, if there is room. */
  set(index: number, image: DecodedImage): void;
  /** Releases what the cache holds, after writing its index if it is a file. */
  close(): void;
}

/**
 * The part of `cache` that holds the views of evaluations, which are made of whole images: those kept for training may be
 * shrunk.
 */
export function evaluationEntries(cache: PixelCache): PixelCache {
  return {
    has: (index) => cache.has(-1 - index),
    get: (index) => cache.get(-1 - index),
    set: (index, image) => cache.set(-1 - index, image),
    close: () => cache.close(),
  };
}

/** The share of the free memory, or disk space, that a cache may take. */
export const FREE_SPACE_SHARE = .5;

/**
 * A cache in memory of at most `bytes`, by default half of the free memory. Once it is full, further images are not kept.
 */
export function memoryCache(
  bytes: number = FREE_SPACE_SHARE * Deno.systemMemoryInfo().available,
): PixelCache {
  const images = new Map<number, DecodedImage>();
  let room = bytes;
  return {
    has: (index) => images.has(index),
    get: (index) => images.get(index),
    set(index, image) {
      if (images.has(index) || image.data.length > room) return;
      room -= image.data.length;
      images.set(index, { ...image, data: image.data.slice() });
    },
    close: () => images.clear(),
  };
}

/** `source`, but cached images are given without their bytes. */
export function withoutCachedBytes(source: ImageSource, cache: PixelCache): ImageSource {
  if (source.kind !== "indexed") return source;
  const empty = new Uint8Array(0), isCached = (place: number) => cache.has(numberIn(source, place));
  const { kind, name, length, classes, fingerprint, concurrentReads } = source;
  return {
    ...{ kind, name, length, classes, fingerprint, concurrentReads },
    key: (place) => source.key(place),
    label: (place) => source.label(place),
    numberOf: (place) => numberIn(source, place),
    read: (place, signal) => {
      if (!isCached(place)) return source.read(place, signal);
      const index = numberIn(source, place);
      return Promise.resolve({ index, key: source.key(place), bytes: empty, label: source.label(place) });
    },
    locate: (place) => isCached(place) ? null : source.locate?.(place) ?? null,
    [Symbol.asyncIterator]: () => source[Symbol.asyncIterator](),
    close() {},
  };
}
