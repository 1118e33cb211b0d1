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

/** A source over `items`. `fingerprint` is the SHA-256 of `identity`, which must tell all that can differ. */
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
  const read = async (index: number) => {
    const item = items[index];
    if (!item) throw new RangeError(`Cannot read image ${index} of ${name}: it has ${items.length}`);
    return { index, key: item.key, label: item.label, bytes: await bytes(item, index) };
  };
  return {
    name,
    length: items.length,
    classes,
    fingerprint: new Uint8Array(digest).toHex(),
    read,
    async *[Symbol.asyncIterator]() {
      for (let index = 0; index < items.length; index++) yield await read(index);
    },
    close() {}, // images are read by opening the file anew, so nothing is held between reads
  };
}

/** Whether files with this extension (without the dot) can be decoded. */
export function isImageExtension(extension: string): boolean {
  return /^(jpe?g|png|webp)$/i.test(extension);
}
