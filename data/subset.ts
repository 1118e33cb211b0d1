/**
 * A part of a source as a source.
 *
 * @module
 */
import type { IndexedSource } from "./sources/types.ts";

/** The images `indices` of `source`, in that order. Closing the subset leaves `source` open. */
export function subsetOf(source: IndexedSource, indices: readonly number[]): IndexedSource {
  const read = async (index: number, signal?: AbortSignal) => ({
    ...await source.read(indices[index], signal),
    index,
  });
  return {
    ...source,
    length: indices.length,
    fingerprint: `${source.fingerprint} ${indices}`,
    key: (index) => source.key(indices[index]),
    label: (index) => source.label(indices[index]),
    read,
    locate(index) {
      const found = source.locate?.(indices[index]);
      return found ? { ...found, index } : null;
    },
    async *[Symbol.asyncIterator]() {
      for (let index = 0; index < indices.length; index++) yield await read(index);
    },
    close() {},
  };
}
