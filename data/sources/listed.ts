/**
 * What the sources share: a list of images in memory, bytes read on demand.
 *
 * @module
 */
import type { ImageSource } from "../source.ts";

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
  { name, items, classes, identity, bytes }: {
    name: string;
    items: T[];
    classes: string[];
    identity: string;
    bytes(item: T, index: number): Promise<Uint8Array>;
  },
): Promise<ImageSource> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(identity));
  const itemAt = (index: number) => {
    if (items[index]) return items[index];
    throw new RangeError(`Cannot read image ${index} of ${name}: it has ${items.length}`);
  };
  const read = async (index: number) => {
    const item = itemAt(index);
    return { index, key: item.key, label: item.label, bytes: await bytes(item, index) };
  };
  return {
    name,
    length: items.length,
    classes,
    fingerprint: new Uint8Array(digest).toHex(),
    key: (index) => itemAt(index).key,
    read,
    async *[Symbol.asyncIterator]() {
      for (let index = 0; index < items.length; index++) yield await read(index);
    },
    close() {}, // images are read by opening the file anew, so nothing is held between reads
  };
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
