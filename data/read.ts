/**
 * Reads the samples of a source in the order of a run: shuffled for training, in source order for evaluation.
 *
 * @module
 */
import { messageOf, UserError } from "../src/base/errors.ts";
import { type Position, sourceOrder, trainingOrder, type Visit } from "./order.ts";
import { inOrder, noImages, shuffled, spansOf } from "./shuffle.ts";
import type { FileRange } from "./file_range.ts";
import { UnreachableError } from "./sources/http_connection.ts";
import type { ImageSource, IndexedSource, ShardImage, StreamedSource } from "./sources/types.ts";
import { ReadableStream } from "./streams.ts";

/** A visit of an image, with its bytes or the reason why it cannot be read. */
export interface ReadSample {
  /** The epoch, from 0. */
  epoch: number;
  /** The sample's rank in the epoch. */
  offset: number;
  /** The image's number in the source. */
  index: number;
  /** The image's name in the source. */
  key: string;
  /** Index into the source's classes; null if unlabeled. */
  label: number | null;
  /** The encoded image; empty if there is a `fileRange`. */
  bytes: Uint8Array;
  /** Where its bytes lie, if that was asked for and they are a part of a file. */
  fileRange: FileRange | null;
  /** Why it cannot be read, as "it cannot be read: …"; null if it is read. */
  failure: string | null;
  /** Where to resume after this sample. */
  next: Position;
}

/** Which samples, and in which order. */
export interface ReadOrder {
  /** The seed of endless shuffled epochs; null for each image once, in source order. */
  seed: number | null;
  /** The first sample, in source order. */
  first: number;
  /** How many samples from `first` on; null for all. */
  limit: number | null;
  /** Where to start: the `next` of the last sample consumed. */
  start?: Position;
  /** Whether to give file ranges instead of bytes, where possible. */
  locate?: boolean;
}

const noBytes = new Uint8Array(0);

/** Files read at a time. More make reading hardly faster. */
const CONCURRENT_READS = 8;

/**
 * Reads the samples of `source`. The same order and source give the same samples, and a stream started at a sample's `next`
 * gives those that follow it. Nothing is read before the first sample is asked for. Canceling aborts what is being read
 * and waits for it; it does not close the source.
 *
 * @throws {UserError} if the source has fewer samples, or does not know how many it has and a part was asked for. The
 * stream fails with one at a damaged shard.
 */
export function readSamples(source: ImageSource, order: ReadOrder): ReadableStream<ReadSample> {
  const { seed, first, limit, start = { epoch: 0, offset: 0 }, locate = false } = order;
  checkRange(source, order);
  if (source.kind === "indexed") {
    const span = { first, limit: limit ?? source.length - first };
    return cancellable((signal) => readIndexed(source, { ...span, seed, start, locate, signal }));
  }
  const spans = spansOf(source, { first, limit });
  return cancellable((signal) =>
    seed === null ? readOnce(source, { spans, signal }) : readShuffled(source, { seed, spans, start, signal })
  );
}

function checkRange(source: ImageSource, { first, limit }: ReadOrder): void {
  const { name, length } = source;
  if (length === null) {
    if (first === 0 && limit === null) return;
    throw new UserError(
      `Cannot take a part of "${name}": it is streamed, and its number of images is unknown. Use all of it (no limit, no ` +
        `holdout), name fewer shards, or copy it to this machine.`,
    );
  }
  const count = limit ?? length - first;
  if (count >= 1 && first + count <= length) return;
  throw new UserError(
    `Cannot take ${count} images of "${name}" starting at number ${first}: it has ${length}. Lower the limit or the holdout.`,
  );
}

async function* readIndexed(
  source: IndexedSource,
  { first, limit, seed, start, locate, signal }: {
    first: number;
    limit: number;
    seed: number | null;
    start: Position;
    locate: boolean;
    signal: AbortSignal;
  },
): AsyncGenerator<ReadSample> {
  const visits = seed === null ? sourceOrder({ first, limit }) : trainingOrder({ first, limit, seed, start });
  const underway: Promise<ReadSample>[] = [], most = source.concurrentReads ?? CONCURRENT_READS;
  try {
    for (const visit of visits) {
      const last = seed !== null && visit.offset + 1 === limit;
      const next = last
        ? { epoch: visit.epoch + 1, offset: 0 }
        : { epoch: visit.epoch, offset: visit.offset + 1 };
      const located = locate ? source.locate?.(visit.index) : null;
      if (located && underway.length === 0) {
        yield { ...visit, ...located, bytes: noBytes, failure: null, next };
        continue;
      }
      const reading = readVisit(source, { visit, next, signal });
      reading.catch(() => {}); // it is thrown when its turn comes
      underway.push(reading);
      if (underway.length >= most) yield await underway.shift()!;
    }
    while (underway.length) yield await underway.shift()!;
  } finally {
    await Promise.allSettled(underway);
  }
}

/** An error becomes the sample's `failure`, unless its server is away: that says nothing of the image. */
async function readVisit(
  source: IndexedSource,
  { visit, next, signal }: { visit: Visit; next: Position; signal: AbortSignal },
): Promise<ReadSample> {
  try {
    return { ...visit, ...await source.read(visit.index, signal), fileRange: null, failure: null, next };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof UnreachableError) throw error;
    const nothing = { key: source.key(visit.index), label: null, bytes: noBytes, fileRange: null };
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
    fileRange: null,
    failure: failure === null ? null : `it cannot be read: ${failure}`,
  };
}

/** A stream of the items of `make`. Canceling it aborts the signal and waits until the generator has ended. */
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
