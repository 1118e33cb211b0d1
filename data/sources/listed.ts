/**
 * A source over a list of images in memory, whose bytes are read on demand.
 *
 * @module
 */
import type { FileRange } from "../file_range.ts";
import type { IndexedSource } from "./types.ts";
import { hashText } from "../../src/base/random.ts";
import { isImageExtension } from "../formats/extensions.ts";
import { digest } from "./digest.ts";

/** An entry of the list. */
export interface Listed {
  key: string;
  label: number | null;
}

/**
 * A source over `items`. Its fingerprint is the SHA-256 of `identity`, which must identify the images and their order: by
 * keys, by labels that do not follow from them, and by what is cheap to know of the contents, usually their sizes.
 */
export async function listedSource<T extends Listed>(
  { name, items, classes, identity, bytes, rangeOf }: {
    name: string;
    items: T[];
    classes: string[];
    identity: string;
    bytes(item: T, index: number): Promise<Uint8Array>;
    /** Where the bytes lie, if they are a part of a file. */
    rangeOf?(item: T, index: number): FileRange | null;
  },
): Promise<IndexedSource> {
  const fingerprint = await digest(identity);
  const itemAt = (index: number) => {
    if (items[index]) return items[index];
    throw new RangeError(`Cannot read image ${index} of "${name}": it has ${items.length}`);
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
      const item = itemAt(index), fileRange = rangeOf?.(item, index);
      return fileRange ? { index, key: item.key, label: item.label, fileRange } : null;
    },
    async *[Symbol.asyncIterator]() {
      for (let index = 0; index < items.length; index++) yield await read(index);
    },
    close() {}, // each read opens its file anew, so nothing is held between reads
  };
}

/**
 * `items` sorted by a hash of their keys. Sorted by name, the classes would follow one another, and the first N samples
 * would be of one class. The hash mixes them, and a new file does not change the order of the others.
 */
export function inMixedOrder<T>(items: T[], keyOf: (item: T) => string): T[] {
  return items
    .map((item) => ({ item, key: keyOf(item), hash: hashText(keyOf(item)) }))
    .sort((a, b) => a.hash - b.hash || (a.key < b.key ? -1 : 1))
    .map(({ item }) => item);
}

/** Whether a file of this name is an image by its extension. */
export function isImageName(name: string): boolean {
  const dot = name.lastIndexOf(".");
  return dot >= 0 && isImageExtension(name.slice(dot + 1));
}
