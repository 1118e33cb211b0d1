/**
 * What the sources share: a list of images in memory, bytes read on demand.
 *
 * @module
 */
import type { Place } from "../place.ts";
import type { IndexedSource } from "./types.ts";
import { hashText } from "../../src/base/random.ts";
import { digest } from "./digest.ts";

/** An image that a source knows of. */
export interface Listed {
  key: string;
  label: number | null;
}

/**
 * A source over `items`. `fingerprint` is the SHA-256 of `identity`, which must tell the images and their order: keys,
 * labels where they do not follow from these, and what is cheap to know of the contents, as a rule their sizes.
 */
export async function listedSource<T extends Listed>(
  { name, items, classes, identity, bytes, place }: {
    name: string;
    items: T[];
    classes: string[];
    identity: string;
    bytes(item: T, index: number): Promise<Uint8Array>;
    /** Where the bytes lie, if they are a part of a file. */
    place?(item: T, index: number): Place | null;
  },
): Promise<IndexedSource> {
  const fingerprint = await digest(identity);
  const itemAt = (index: number) => {
    if (items[index]) return items[index];
    throw new RangeError(`Cannot read image ${index} of ${name}: it has ${items.length}`);
  };
  const read = async (index: number) => {
    const item = itemAt(index);
    return { index, key: item.key, label: item.label, bytes: await bytes(item, index) };
  };
  return {
    kind: "indexed",
    name,
    length: items.length,
    classes,
    fingerprint,
    key: (index) => itemAt(index).key,
    label: (index) => itemAt(index).label,
    read,
    locate(index) {
      const item = itemAt(index), found = place?.(item, index);
      return found ? { index, key: item.key, label: item.label, place: found } : null;
    },
    async *[Symbol.asyncIterator]() {
      for (let index = 0; index < items.length; index++) yield await read(index);
    },
    close() {}, // images are read by opening the file anew, so nothing is held between reads
  };
}

/**
 * `items` by a hash of their keys. In the order of their names the classes would come one after the other, and the first
 * N samples would be all of one kind. The order by hash mixes them, and a new file does not move the others.
 */
export function inMixedOrder<T>(items: T[], keyOf: (item: T) => string): T[] {
  return items
    .map((item) => ({ item, key: keyOf(item), place: hashText(keyOf(item)) }))
    .sort((a, b) => a.place - b.place || (a.key < b.key ? -1 : 1))
    .map(({ item }) => item);
}

/** Whether files of this name can be decoded. */
export function isImageName(name: string): boolean {
  const dot = name.lastIndexOf(".");
  return dot >= 0 && isImageExtension(name.slice(dot + 1));
}

/** Whether files with this extension (without the dot) can be decoded. */
export function isImageExtension(extension: string): boolean {
  return /^(jpe?g|png|webp|gif|tiff?|ppm)$/i.test(extension);
}
