/**
 * A source over a list of images in memory, whose bytes are read on demand.
 *
 * @module
 */
import type { FileRange } from "../file_range.ts";
import type { IndexedSource } from "./types.ts";
import { hashText } from "../../src/base/random.ts";
import { isImageExtension } from "../formats/extensions.ts";
import { digest, digestOfParts } from "./digest.ts";

/** An entry of the list. */
export interface Listed {
  key: string;
  label: number | null;
}

/** A source over `items`; the rest as {@linkcode numberedSource} wants it. */
export async function listedSource<T extends Listed>(
  { items, bytes, rangeOf, ...source }: {
    name: string;
    items: T[];
    classes: string[];
    identity: string | Iterable<string>;
    /** How many are best read at a time. */
    concurrentReads?: number;
    bytes(item: T, index: number, signal?: AbortSignal): Promise<Uint8Array>;
    /** Where the bytes lie, if they are a part of a file. */
    rangeOf?(item: T, index: number): FileRange | null;
  },
): Promise<IndexedSource> {
  return await numberedSource({
    ...source,
    length: items.length,
    key: (index) => items[index].key,
    label: (index) => items[index].label,
    bytes: (index, signal) => bytes(items[index], index, signal),
    rangeOf: rangeOf && ((index) => rangeOf(items[index], index)),
  });
}

/**
 * A source of `length` images that are known by their numbers. Its fingerprint is the SHA-256 of `identity`, which must
 * identify the images and their order: by keys, by labels that do not follow from them, and by what is cheap to know of
 * the contents, usually their sizes.
 */
export async function numberedSource(
  { name, length, classes, identity, concurrentReads, key, label, bytes, rangeOf }: {
    name: string;
    length: number;
    classes: string[];
    identity: string | Iterable<string>;
    key(index: number): string;
    label(index: number): number | null;
    /** How many are best read at a time. */
    concurrentReads?: number;
    bytes(index: number, signal?: AbortSignal): Promise<Uint8Array>;
    /** Where the bytes lie, if they are a part of a file. */
    rangeOf?(index: number): FileRange | null;
  },
): Promise<IndexedSource> {
  const fingerprint = typeof identity === "string" ? await digest(identity) : digestOfParts(identity);
  const check = (index: number) => {
    if (Number.isInteger(index) && index >= 0 && index < length) return;
    throw new RangeError(`Cannot read image ${index} of "${name}": it has ${length}`);
  };
  const described = (index: number) => {
    check(index);
    return { index, key: key(index), label: label(index) };
  };
  const read = async (index: number, signal?: AbortSignal) => ({
    ...described(index),
    bytes: await bytes(index, signal),
  });
  return {
    kind: "indexed",
    name,
    length,
    classes,
    fingerprint,
    ...concurrentReads && { concurrentReads },
    key: (index) => described(index).key,
    label: (index) => described(index).label,
    read,
    locate(index) {
      const image = described(index), fileRange = rangeOf?.(index);
      return fileRange ? { ...image, fileRange } : null;
    },
    async *[Symbol.asyncIterator]() {
      for (let index = 0; index < length; index++) yield await read(index);
    },
    close() {}, // each read opens its file anew, so nothing is held between reads
  };
}

/**
 * The numbers below `count` that are included, sorted by a hash of their keys. Sorted by name, the classes would follow one
 * another, and the first N samples would be of one class. The hash mixes them, and a new file does not change the order of
 * the others. Images of one key keep their order.
 */
export function mixedOrder(
  count: number,
  { keyOf, includes = () => true }: { keyOf(item: number): string; includes?(item: number): boolean },
): Uint32Array {
  // One number of 64 bits for each, the hash before the item: they sort without calls, and without an object for each.
  const sortable = new BigUint64Array(count), halves = new Uint32Array(sortable.buffer);
  let length = 0;
  for (let item = 0; item < count; item++) {
    if (!includes(item)) continue;
    halves[2 * length] = item; // the low half: all platforms of Deno are little-endian
    halves[2 * length + 1] = hashText(keyOf(item));
    length++;
  }
  sortable.subarray(0, length).sort();
  const order = Uint32Array.from({ length }, (_, i) => halves[2 * i]);
  for (let from = 0, to = 1; to <= length; to++) {
    if (to < length && halves[2 * to + 1] === halves[2 * from + 1]) continue;
    if (to - from > 1) {
      const equal = [...order.subarray(from, to)].map((item) => ({ item, key: keyOf(item) }));
      equal.sort((a, b) => a.key === b.key ? a.item - b.item : a.key < b.key ? -1 : 1);
      equal.forEach(({ item }, i) => order[from + i] = item);
    }
    from = to;
  }
  return order;
}

/** Whether a file of this name is an image by its extension. */
export function isImageName(name: string): boolean {
  const dot = name.lastIndexOf(".");
  return dot >= 0 && isImageExtension(name.slice(dot + 1));
}
