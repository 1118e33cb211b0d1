/**
 * A part of a source as a source.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { firstIndices } from "./sources/streamed.ts";
import type {
  EncodedImage,
  ImageSource,
  IndexedSource,
  Shard,
  ShardImage,
  StreamedSource,
} from "./sources/types.ts";

/**
 * The images `numbers` of `source`, in that order; in a streamed source the numbers must be ascending. Its images keep their
 * numbers in `source`. Closing the subset leaves `source` open.
 *
 * @throws {RangeError} if there is no image of such a number, or if it is unknown how many the source has.
 */
export function subsetOf<S extends ImageSource>(source: S, numbers: ArrayLike<number>): S {
  const kept = numbers instanceof Uint32Array ? numbers : Uint32Array.from(numbers),
    { name, length } = source;
  if (length === null) {
    throw new RangeError(`Cannot take images of "${name}" by number: it is unknown how many it has`);
  }
  const missing = kept.find((number) => number >= length);
  if (missing !== undefined) {
    throw new RangeError(`Cannot take image ${missing} of "${name}": it has ${length}`);
  }
  const part = source.kind === "indexed" ? indexedSubset(source, kept) : streamedSubset(source, kept);
  return part as S;
}

function indexedSubset(source: IndexedSource, numbers: Uint32Array): IndexedSource {
  const { name, classes, survey, concurrentReads } = source;
  return {
    ...{ kind: "indexed", name, classes, survey, concurrentReads, length: numbers.length },
    fingerprint: fingerprintOf(source, numbers),
    key: (index) => source.key(numbers[index]),
    label: (index) => source.label(numbers[index]),
    numberOf: (index) => numberIn(source, numbers[index]),
    read: (index, signal) => source.read(numbers[index], signal),
    locate: (index) => source.locate?.(numbers[index]) ?? null,
    async *[Symbol.asyncIterator]() {
      for (const number of numbers) yield await source.read(number);
    },
    close() {},
  };
}

/** The number in the whole of the image at `index` of a part; of another source, `index`. */
export function numberIn(source: IndexedSource, index: number): number {
  return source.numberOf?.(index) ?? index;
}

function fingerprintOf({ fingerprint }: ImageSource, numbers: Uint32Array): string {
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  return `${fingerprint} ${createHash("sha256").update(bytes).digest("hex")}`;
}

function streamedSubset(source: StreamedSource, numbers: Uint32Array): StreamedSource {
  const firsts = firstIndices(source.shards), { label } = source;
  let end = 0;
  const members = source.shards.map(({ length }, s) => {
    const begin = end;
    while (end < numbers.length && numbers[end] < firsts[s] + length!) end++;
    return numbers.subarray(begin, end);
  });
  return {
    ...filteredShards(source, {
      fingerprint: fingerprintOf(source, numbers),
      lengthOf: (s) => members[s].length,
      *numbersOf(s, from) {
        for (let place = from; place < members[s].length; place++) yield members[s][place] - firsts[s];
      },
    }),
    ...label && { label: (index: number) => label.call(source, numbers[index]) },
  };
}

/** Which images of each shard are kept. */
export interface ShardFilter {
  fingerprint: string;
  /** How many of shard `s`; null if that is unknown. */
  lengthOf(s: number): number | null;
  /** Their numbers in shard `s`, ascending, from the one at place `from` on. */
  numbersOf(s: number, from: number): Iterable<number>;
}

/** `source` with a part of each shard. Shards of which nothing is kept are left out. */
export function filteredShards(
  source: StreamedSource,
  { fingerprint, lengthOf, numbersOf }: ShardFilter,
): StreamedSource {
  const firsts = firstIndices(source.shards), shards: Shard[] = [];
  for (const [s, shard] of source.shards.entries()) {
    const length = lengthOf(s);
    if (length === 0) continue;
    shards.push({
      name: shard.name,
      length,
      ahead: shard.ahead,
      open: ({ from, at, signal }) =>
        opened(shard, { from, at, signal, numbers: numbersOf(s, from), first: firsts[s] }),
    });
  }
  const { name, classes, survey } = source;
  return {
    ...{ kind: "streamed", name, classes, survey, fingerprint, shards },
    length: shards.reduce<number | null>(
      (sum, { length }) => sum === null || length === null ? null : sum + length,
      0,
    ),
    async *[Symbol.asyncIterator](): AsyncGenerator<EncodedImage> {
      for (const { open } of shards) {
        for await (const { index, key, bytes, label } of open({ from: 0 })) {
          yield { index: index!, key, bytes, label };
        }
      }
    },
    close() {},
  };
}

/** The images `numbers` of `shard`, renumbered from `from` on. */
async function* opened(
  shard: Shard,
  { from, at, signal, numbers, first }: {
    from: number;
    at?: number | null;
    signal?: AbortSignal;
    numbers: Iterable<number>;
    first: number;
  },
): AsyncGenerator<ShardImage> {
  const wanted = numbers[Symbol.iterator]();
  let next = wanted.next(), place = from;
  if (next.done) return;
  for await (const image of shard.open({ from: next.value, at, signal })) {
    if (image.number !== next.value) continue;
    yield { ...image, number: place++, index: image.index ?? first + image.number };
    next = wanted.next();
    if (next.done) return;
  }
}
