/**
 * Several sources as one.
 *
 * @module
 */
import { messageOf } from "../../src/base/errors.ts";
import type { ImageSource, IndexedSource, Shard, StreamedSource } from "./types.ts";
import { digest } from "./digest.ts";
import { UnreachableError } from "./http_connection.ts";
import { streamedSource } from "./streamed.ts";
import { Survey } from "./survey.ts";

/** Images per shard of an indexed source that is joined with streamed ones. */
const SLICE = 1000;

/** A source, and how its labels map to the united classes. */
interface Part<S extends ImageSource> {
  source: S;
  labelOf(label: number | null): number | null;
}

/**
 * The images of `sources`, one source after another: indexed if all of them are, streamed otherwise. Classes of the same
 * name are united; keys are prefixed with the source's name, so that they stay unique. Closing it closes all sources.
 */
export async function joinSources(sources: ImageSource[]): Promise<ImageSource> {
  const classes = [...new Set(sources.flatMap((source) => source.classes))];
  const places = new Map(classes.map((name, k) => [name, k]));
  const partOf = <S extends ImageSource>(source: S): Part<S> => ({
    source,
    // A label without a name, of a source whose labels are unknown until they are read, is a number that may be a class.
    labelOf: (label) => label === null ? null : places.get(source.classes[label] ?? String(label)) ?? null,
  });
  const description = {
    name: sources.map(({ name }) => name).join(" + "),
    classes,
    identity: JSON.stringify(sources.map(({ fingerprint }) => fingerprint)),
    close: () => sources.forEach((source) => source.close()),
  };
  const survey = new Survey();
  for (const source of sources) if (source.survey) survey.add(source.survey, source.name);
  const indexed = sources.filter((source) => source.kind === "indexed");
  if (indexed.length === sources.length) {
    return { ...await joinIndexed(description, indexed.map(partOf)), survey };
  }
  const shards = sources.flatMap((source) =>
    source.kind === "indexed" ? slices(partOf(source)) : relabeled(partOf(source))
  );
  const known = sources.every(({ length, label }) => length !== null && label !== undefined);
  const labels = known ? { label: labelIn(sources.map(partOf)) } : {};
  return { ...await streamedSource({ ...description, ...labels, shards }), survey };
}

/** The label of an image of `parts`, all of which know their labels and lengths. */
function labelIn(parts: Part<ImageSource>[]): (index: number) => number | null {
  return (index) => {
    let local = index;
    for (const { source, labelOf } of parts) {
      if (local < source.length!) return labelOf(source.label!(local));
      local -= source.length!;
    }
    return null;
  };
}

async function joinIndexed(
  { identity, ...description }: { name: string; classes: string[]; identity: string; close(): void },
  parts: Part<IndexedSource>[],
): Promise<IndexedSource> {
  const length = parts.reduce((sum, { source }) => sum + source.length, 0);
  const find = (index: number) => {
    let local = index;
    for (const part of parts) {
      if (local < part.source.length) return { ...part, local };
      local -= part.source.length;
    }
    throw new RangeError(`Cannot read image ${index} of "${description.name}": it has ${length}`);
  };
  const key = (index: number) => {
    const { source, local } = find(index);
    return `${source.name}/${source.key(local)}`;
  };
  const read = async (index: number, signal?: AbortSignal) => {
    const { source, labelOf, local } = find(index);
    const { bytes, label } = await source.read(local, signal);
    return { index, key: key(index), label: labelOf(label), bytes };
  };
  return {
    ...description,
    kind: "indexed",
    length,
    concurrentReads: mostReads(parts.map(({ source }) => source)),
    fingerprint: await digest(identity),
    key,
    label(index) {
      const { source, labelOf, local } = find(index);
      return labelOf(source.label(local));
    },
    read,
    locate(index) {
      const { source, labelOf, local } = find(index), found = source.locate?.(local);
      return found ? { ...found, index, key: key(index), label: labelOf(found.label) } : null;
    },
    async *[Symbol.asyncIterator]() {
      for (let index = 0; index < length; index++) yield await read(index);
    },
  };
}

/** The most that one of `sources` likes to be read at a time; undefined if none says. */
function mostReads(sources: IndexedSource[]): number | undefined {
  const reads = sources.flatMap(({ concurrentReads }) => concurrentReads ?? []);
  return reads.length > 0 ? Math.max(...reads) : undefined;
}

function slices({ source, labelOf }: Part<IndexedSource>): Shard[] {
  return Array.from({ length: Math.ceil(source.length / SLICE) }, (_, slice) => {
    const first = slice * SLICE, length = Math.min(SLICE, source.length - first);
    return {
      name: `${source.name}, images ${first} to ${first + length - 1}`,
      length,
      async *open({ from, signal }) {
        for (let number = from; number < length; number++) {
          const key = `${source.name}/${source.key(first + number)}`;
          try {
            const { bytes, label } = await source.read(first + number, signal);
            yield { number, key, label: labelOf(label), bytes, failure: null, at: null };
          } catch (error) {
            signal?.throwIfAborted();
            if (error instanceof UnreachableError) throw error;
            yield { number, key, label: null, bytes: new Uint8Array(0), failure: messageOf(error), at: null };
          }
        }
      },
    };
  });
}

function relabeled({ source, labelOf }: Part<StreamedSource>): Shard[] {
  return source.shards.map((shard) => ({
    ...shard,
    async *open(options) {
      for await (const image of shard.open(options)) {
        yield { ...image, key: `${source.name}/${image.key}`, label: labelOf(image.label) };
      }
    },
  }));
}
