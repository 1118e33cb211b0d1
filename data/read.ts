/**
 * Reads the samples of a source in the order of a run: shuffled for training, in source order for evaluation.
 *
 * @module
 */
import { messageOf } from "../src/base/errors.ts";
import { type Position, sourceOrder, trainingOrder, type Visit } from "./order.ts";
import { Cutter, type Item, type Own, type Place, type Share } from "./share.ts";
import { blockAfter, inOrder, noImages, type Shuffled, shuffled } from "./shuffle.ts";
import type { FileRange } from "./file_range.ts";
import { UnreachableError } from "./sources/http_connection.ts";
import type { ImageSource, IndexedSource, ShardImage, StreamedSource } from "./sources/types.ts";
import { numberIn } from "./subset.ts";
import { ReadableStream } from "./streams.ts";

/** A visit of an image, with its bytes or the reason why it cannot be read. */
export interface ReadSample {
  /** The epoch, from 0. */
  epoch: number;
  /** The sample's rank in the epoch. */
  offset: number;
  /** The image's number in the source; in a part of one, in the whole. */
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
  /** With a share, of the last sample of a batch: the batches of its round. */
  places?: Place[];
}

/** In which order samples are read. */
export interface ReadOrder {
  /** The seed of endless shuffled epochs; null for each image once, in source order. */
  seed: number | null;
  /** Where to start: the `next` of the last sample consumed. */
  start?: Position;
  /** Of source order: whether it is no error if there is no image. */
  mayBeEmpty?: boolean;
  /** Whether to give file ranges instead of bytes, where possible. */
  locate?: boolean;
  /** Of a seed's order: give only the samples of this rank's batches, of so many samples each. */
  share?: Share & { batch: number };
}

const noBytes = new Uint8Array(0);

/** Files read at a time. More make reading hardly faster. */
const CONCURRENT_READS = 8;

/**
 * Reads the samples of `source`. The same order and source give the same samples, and a stream started at a sample's `next`
 * gives those that follow it. Nothing is read before the first sample is asked for. Canceling aborts what is being read
 * and waits for it; it does not close the source.
 * The stream fails with a UserError at a damaged shard.
 */
export function readSamples(source: ImageSource, order: ReadOrder): ReadableStream<ReadSample> {
  const { seed, start = { epoch: 0, offset: 0 }, locate = false, share, mayBeEmpty = false } = order;
  const cutter = <T extends Item>() => share && new Cutter<T>({ ...share, limit: source.length });
  if (source.kind === "indexed") {
    return cancellable((signal) => readIndexed(source, { seed, start, locate, cutter: cutter(), signal }));
  }
  return cancellable((signal) =>
    seed === null
      ? readOnce(source, { start, mayBeEmpty, signal })
      : readShuffled(source, { seed, start, cutter: cutter<Shuffled>(), signal })
  );
}

async function* readIndexed(
  source: IndexedSource,
  { seed, start, locate, cutter, signal }: {
    seed: number | null;
    start: Position;
    locate: boolean;
    cutter: Cutter<Visited> | undefined;
    signal: AbortSignal;
  },
): AsyncGenerator<ReadSample> {
  const { length } = source;
  const underway: Promise<ReadSample>[] = [], most = source.concurrentReads ?? CONCURRENT_READS;
  try {
    for (const visit of visitsOf({ length, seed, start, cutter })) {
      const located = locate ? source.locate?.(visit.index) : null;
      if (located && underway.length === 0) {
        yield { ...visit, ...located, bytes: noBytes, failure: null };
        continue;
      }
      const reading = readVisit(source, { visit, signal });
      reading.catch(() => {}); // it is thrown when its turn comes
      underway.push(reading);
      if (underway.length >= most) yield await underway.shift()!;
    }
    while (underway.length) yield await underway.shift()!;
  } finally {
    await Promise.allSettled(underway);
  }
}

/** A visit, and where to resume after it. */
type Visited = Visit & { next: Position };

/** The visits of `length` samples: endless, or once in source order. */
function* visitsOf(
  { length, seed, start, cutter }: {
    length: number;
    seed: number | null;
    start: Position;
    cutter: Cutter<Visited> | undefined;
  },
): Generator<Own<Visited>> {
  const visits = seed === null
    ? sourceOrder({ length, offset: start.offset })
    : trainingOrder({ length, seed, start });
  for (const visit of visits) {
    const last = seed !== null && visit.offset + 1 === length;
    const next = last
      ? { epoch: visit.epoch + 1, offset: 0 }
      : { epoch: visit.epoch, offset: visit.offset + 1 };
    if (cutter) yield* cutter.take({ ...visit, next });
    else yield { ...visit, next };
  }
}

/** An error becomes the sample's `failure`, unless its server is away: that says nothing of the image. */
async function readVisit(
  source: IndexedSource,
  { visit, signal }: { visit: Own<Visited>; signal: AbortSignal },
): Promise<ReadSample> {
  try {
    return { ...visit, ...await source.read(visit.index, signal), fileRange: null, failure: null };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof UnreachableError) throw error;
    const { index } = visit, image = { index: numberIn(source, index), key: source.key(index) };
    const nothing = { label: null, bytes: noBytes, fileRange: null };
    return { ...visit, ...image, ...nothing, failure: `it cannot be read: ${messageOf(error)}` };
  }
}

async function* readOnce(
  source: StreamedSource,
  { start, mayBeEmpty, signal }: { start: Position; mayBeEmpty: boolean; signal: AbortSignal },
): AsyncGenerator<ReadSample> {
  let { offset } = start;
  for await (const image of inOrder(source, { begin: start.block, signal })) {
    yield sampleOf(image, {
      epoch: 0,
      offset,
      next: { epoch: 0, offset: ++offset, block: blockAfter(image) },
    });
  }
  if (offset === 0 && !mayBeEmpty) throw noImages(source);
}

async function* readShuffled(
  source: StreamedSource,
  { cutter, ...options }: {
    seed: number;
    start: Position;
    cutter: Cutter<Shuffled> | undefined;
    signal: AbortSignal;
  },
): AsyncGenerator<ReadSample> {
  for await (const visited of shuffled(source, options)) {
    for (const { image, ...visit } of cutter ? cutter.take(visited) : [visited]) yield sampleOf(image, visit);
  }
}

function sampleOf(
  { index, key, label, bytes, failure }: ShardImage & { index: number },
  visit: Own<{ epoch: number; offset: number; next: Position }>,
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
