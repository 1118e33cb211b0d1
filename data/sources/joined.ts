/**
 * Several sources as one.
 *
 * @module
 */
import { messageOf } from "../../src/base/errors.ts";
import type { ImageSource, IndexedSource, Shard, StreamedSource } from "./types.ts";
import { digest } from "./digest.ts";
import { streamedSource } from "./streamed.ts";

/** An indexed source among streamed ones is read in shards of so many images. */
const SLICE = 1000;

/** A source, and what its labels are among the classes of all. */
interface Part<S extends ImageSource> {
  source: S;
  labelOf(label: number | null): number | null;
}

/**
 * The images of `sources`, one source after the other: indexed if all of them are, streamed otherwise. Classes are united
 * by their names; keys begin with the names of the sources, so that they stay apart. Closing it closes all.
 */
export async function joinSources(sources: ImageSource[]): Promise<ImageSource> {
  const classes = [...new Set(sources.flatMap((source) => source.classes))];
  const places = new Map(classes.map((name, k) => [name, k]));
  const partOf = <S extends ImageSource>(source: S): Part<S> => ({
    source,
    // Of labels without names it is not known what they are among others.
    labelOf: (label) => label === null ? null : places.get(source.classes[label]) ?? null,
  });
  const description = {
    name: sources.map(({ name }) => name).join(" + "),
    classes,
    identity: JSON.stringify(sources.map(({ fingerprint }) => fingerprint)),
    close: () => sources.forEach((source) => source.close()),
  };
  const indexed = sources.filter((source) => source.kind === "indexed");
  if (indexed.length === sources.length) return await joinIndexed(description, indexed.map(partOf));
  const shards = sources.flatMap((source) =>
    source.kind === "indexed" ? slices(partOf(source)) : relabelled(partOf(source))
  );
  return await streamedSource({ ...description, shards });
}

async function joinIndexed(
  { identity, ...description }: { name: string; classes: string[]; identity: string; close(): void },
  parts: Part<IndexedSource>[],
): Promise<IndexedSource> {
  const length = parts.reduce((sum, { source }) => sum + source.length, 0);
  const find = (index: number) => {
    let place = index;
    for (const part of parts) {
      if (place < part.source.length) return { ...part, place };
      place -= part.source.length;
    }
    throw new RangeError(`Cannot read image ${index} of ${description.name}: it has ${length}`);
  };
  const key = (index: number) => {
    const { source, place } = find(index);
    return `${source.name}/${source.key(place)}`;
  };
  const read = async (index: number) => {
    const { source, labelOf, place } = find(index);
    const { bytes, label } = await source.read(place);
    return { index, key: key(index), label: labelOf(label), bytes };
  };
  return {
    ...description,
    kind: "indexed",
    length,
    fingerprint: await digest(identity),
    key,
    label(index) {
      const { source, labelOf, place } = find(index);
      return labelOf(source.label(place));
    },
    read,
    locate(index) {
      const { source, labelOf, place } = find(index), found = source.locate?.(place);
      return found ? { ...found, index, key: key(index), label: labelOf(found.label) } : null;
    },
    async *[Symbol.asyncIterator]() {
      for (let index = 0; index < length; index++) yield await read(index);
    },
  };
}

function slices({ source, labelOf }: Part<IndexedSource>): Shard[] {
  return Array.from({ length: Math.ceil(source.length / SLICE) }, (_, slice) => {
    const first = slice * SLICE, length = Math.min(SLICE, source.length - first);
    return {
      name: `${source.name}, images ${first} to ${first + length - 1}`,
      length,
      async *open({ from }) {
        for (let number = from; number < length; number++) {
          const key = `${source.name}/${source.key(first + number)}`;
          try {
            const { bytes, label } = await source.read(first + number);
            yield { number, key, label: labelOf(label), bytes, failure: null, at: null };
          } catch (error) {
            yield { number, key, label: null, bytes: new Uint8Array(0), failure: messageOf(error), at: null };
          }
        }
      },
    };
  });
}

function relabelled({ source, labelOf }: Part<StreamedSource>): Shard[] {
  return source.shards.map((shard) => ({
    ...shard,
    async *open(options) {
      for await (const image of shard.open(options)) {
        yield { ...image, key: `${source.name}/${image.key}`, label: labelOf(image.label) };
      }
    },
  }));
}
