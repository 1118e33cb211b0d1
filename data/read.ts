/**
 * From a source to its samples, in the order of a run: where training, evaluation and resuming part.
 *
 * @module
 */
import { messageOf, UserError } from "../src/base/errors.ts";
import { type Position, sourceOrder, trainingOrder, type Visit } from "./order.ts";
import { inOrder, noImages, shuffled, spansOf } from "./shuffle.ts";
import type { Place } from "./place.ts";
import type { ImageSource, IndexedSource, ShardImage, StreamedSource } from "./sources/types.ts";
import { ReadableStream } from "./streams.ts";

/** A visit of an image, with its bytes or what kept them from being read. */
export interface ReadSample {
  epoch: number;
  offset: number;
  index: number;
  key: string;
  label: number | null;
  /** Empty if it has a `place`. */
  bytes: Uint8Array;
  /** Where its bytes lie, if that was asked for and they are a part of a file. */
  place: Place | null;
  /** What kept it from being read, as "it cannot be read: …". */
  failure: string | null;
  /** Where a run goes on that has consumed this sample and all before. */
  next: Position;
}

/** Which samples, and in which order. */
export interface ReadOrder {
  /** Of endless training visits from `start` on; null to have each image once, in source order. */
  seed: number | null;
  /** The samples `first` … `first + limit − 1` in source order; to the end if `limit` is null. */
  first: number;
  limit: number | null;
  /** The `next` of the last sample consumed. */
  start?: Position;
  /** Whether to tell where bytes lie, in place of reading them, where that is possible. */
  locate?: boolean;
}

const none = new Uint8Array(0);

/** Files read at a time: at eight, reading has all but its full speed. */
const READS = 8;

/**
 * The samples of `source`, read. Same order and source, same samples; a stream started at a sample's `next` gives those
 * that follow it. Nothing is read before the first is asked for. Cancelling aborts what is being read and waits for it;
 * the source stays its owner's. Throws a UserError if there are not so many samples, or if that cannot be known; the
 * stream fails with one at a shard that is damaged.
 */
export function readSamples(source: ImageSource, order: ReadOrder): ReadableStream<ReadSample> {
  const { seed, first, limit, start = { epoch: 0, offset: 0 }, locate = false } = order;
  expectSpan(source, order);
  if (source.kind === "indexed") {
    const span = { first, limit: limit ?? source.length - first };
    return cancellable(() => readIndexed(source, { ...span, seed, start, locate }));
  }
  const spans = spansOf(source, { first, limit });
  return cancellable((signal) =>
    seed === null ? readOnce(source, { spans, signal }) : readShuffled(source, { seed, spans, start, signal })
  );
}

function expectSpan(source: ImageSource, { first, limit }: ReadOrder): void {
  const { name, length } = source;
  if (length === null) {
    if (first === 0 && limit === null) return;
    throw new UserError(
      `Cannot take a part of ${name}: expected a source that knows how many images it has: it is streamed. Give ` +
        `neither --limit nor --holdout, or name fewer shards; or copy it to this machine.`,
    );
  }
  const count = limit ?? length - first;
  if (count >= 1 && first + count <= length) return;
  throw new UserError(
    `Cannot take ${count} images from number ${first} on of ${name}: it has ${length}. Lower --limit or --holdout.`,
  );
}

async function* readIndexed(
  source: IndexedSource,
  { first, limit, seed, start, locate }: {
    first: number;
    limit: number;
    seed: number | null;
    start: Position;
    locate: boolean;
  },
): AsyncGenerator<ReadSample> {
  const visits = seed === null ? sourceOrder({ first, limit }) : trainingOrder({ first, limit, seed, start });
  const underway: Promise<ReadSample>[] = [];
  try {
    for (const visit of visits) {
      const last = seed !== null && visit.offset + 1 === limit;
      const next = last
        ? { epoch: visit.epoch + 1, offset: 0 }
        : { epoch: visit.epoch, offset: visit.offset + 1 };
      const located = locate ? source.locate?.(visit.index) : null;
      if (located && underway.length === 0) {
        yield { ...visit, ...located, bytes: none, failure: null, next };
        continue;
      }
      underway.push(readVisit(source, visit, next));
      if (underway.length === READS) yield await underway.shift()!;
    }
    while (underway.length) yield await underway.shift()!;
  } finally {
    await Promise.all(underway);
  }
}

/** Does not throw: what is wrong becomes the sample's `failure`. */
async function readVisit(source: IndexedSource, visit: Visit, next: Position): Promise<ReadSample> {
  try {
    return { ...visit, ...await source.read(visit.index), place: null, failure: null, next };
  } catch (error) {
    const nothing = { key: source.key(visit.index), label: null, bytes: none, place: null };
    return { ...visit, ...nothing, failure: `it cannot be read: ${messageOf(error)}`, next };
  }
}

type Spans = ReturnType<typeof spansOf>;

async function* readOnce(
  source: StreamedSource,
  options: { spans: Spans; signal: AbortSignal },
): AsyncGenerator<ReadSample> {
  let offset = 0;
  for await (const image of inOrder(source, options)) {
    yield sampleOf(image, { epoch: 0, offset, next: { epoch: 0, offset: ++offset } });
  }
  if (offset === 0) throw noImages(source);
}

async function* readShuffled(
  source: StreamedSource,
  options: { seed: number; spans: Spans; start: Position; signal: AbortSignal },
): AsyncGenerator<ReadSample> {
  for await (const { image, ...visit } of shuffled(source, options)) yield sampleOf(image, visit);
}

function sampleOf(
  { index, key, label, bytes, failure }: ShardImage & { index: number },
  visit: { epoch: number; offset: number; next: Position },
): ReadSample {
  return {
    ...visit,
    index,
    key,
    label,
    bytes,
    place: null,
    failure: failure === null ? null : `it cannot be read: ${failure}`,
  };
}

/** A stream of what `make` gives; cancelling it aborts the signal, and waits until all is released. */
function cancellable<T>(make: (signal: AbortSignal) => AsyncGenerator<T>): ReadableStream<T> {
  const abort = new AbortController();
  const items = make(abort.signal);
  return new ReadableStream<T>({
    async pull(controller) {
      const { done, value } = await items.next();
      if (abort.signal.aborted) return;
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel(reason) {
      abort.abort(reason);
      await items.return(undefined);
    },
  }, { highWaterMark: 0 });
}
