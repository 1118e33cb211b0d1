/**
 * A source over a list of shards.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import type { EncodedImage, Shard, StreamedSource } from "./types.ts";
import { digest, digestOfParts } from "./digest.ts";

/** If the lengths of shards are unknown, the indices of each shard begin at a multiple of this. */
const STRIDE = 2 ** 32;

/** The number of images in all shards; null if it is unknown. */
export function totalLength(shards: readonly Shard[]): number | null {
  return shards.reduce<number | null>(
    (sum, { length }) => sum === null || length === null ? null : sum + length,
    0,
  );
}

/** The index of the first image of each shard. */
export function firstIndices(shards: readonly Shard[]): number[] {
  if (totalLength(shards) === null) return shards.map((_, s) => s * STRIDE);
  let sum = 0;
  return shards.map(({ length }) => (sum += length!) - length!);
}

/** A source of `shards`; its fingerprint is the SHA-256 of `identity`, a text or its parts. */
export async function streamedSource(
  { name, shards, classes, label, identity, close = () => {} }: {
    name: string;
    shards: readonly Shard[];
    classes: string[];
    /** The label of an image in source order, if it is known beforehand. */
    label?(index: number): number | null;
    identity: string | Iterable<string>;
    close?(): void;
  },
): Promise<StreamedSource> {
  return {
    kind: "streamed",
    name,
    length: totalLength(shards),
    shards,
    classes,
    ...label && { label },
    fingerprint: typeof identity === "string" ? await digest(identity) : digestOfParts(identity),
    async *[Symbol.asyncIterator](): AsyncGenerator<EncodedImage> {
      const first = firstIndices(shards);
      for (const [s, shard] of shards.entries()) {
        for await (const { number, key, label, bytes, failure } of shard.open({ from: 0 })) {
          if (failure !== null) {
            throw new UserError(`Cannot read "${key}" of "${name}": ${failure}. Replace it.`);
          }
          yield { index: first[s] + number, key, label, bytes };
        }
      }
    },
    close,
  };
}
