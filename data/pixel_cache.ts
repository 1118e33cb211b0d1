/**
 * Decoded images, kept so that later epochs neither read nor decode them again.
 *
 * Views are never cached: they are drawn anew in each epoch.
 *
 * @module
 */
import type { DecodedImage } from "./views/resize.ts";

/** Decoded images by their index in the source. */
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
