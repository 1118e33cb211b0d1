/**
 * From a source to batches: order → read → decode and augment in a pool → batch.
 *
 * The streams pull: nothing is read before the first batch is asked for, and about three batches are under way at most.
 * Cancelling a stream (leaving its `for await` does) ends its Workers; the source stays its owner's.
 *
 * @module
 */
import { VIEW_CHANNELS } from "../src/augment/apply.ts";
import type { Recipe } from "../src/augment/recipe.ts";
import { messageOf, UserError } from "../src/errors.ts";
import { type BadImage, collate, type Collated, type DecodedGroup, type Sample } from "./collate.ts";
import { group } from "./group.ts";
import { type Position, sourceOrder, trainingOrder, type Visit } from "./order.ts";
import { orderedMap } from "./ordered_map.ts";
import { Pool } from "./pool.ts";
import type { IndexedSource as ImageSource } from "./source.ts";
import { ReadableStream } from "./streams.ts";

export type { BadImage, Position };

/** Which images, and how they become batches. */
export interface BatchOptions {
  source: ImageSource;
  /** The samples `first` … `first + limit − 1` in source order; as a rule all. */
  first?: number;
  limit?: number;
  /** Images per batch. */
  batch: number;
  /** Side of the views, pixels. */
  size: number;
  /** How the views are drawn (training) and normalised. */
  recipe: Recipe;
  /** How many Workers decode; 2 unless told. The batches do not depend on it. */
  workers?: number;
  /**
   * Whether an image that cannot be used is passed over, as a rule, or ends the stream with a UserError in place of the
   * batch that it would have been part of.
   */
  onBadImage?: "skip" | "error";
  /**
   * Is told of the images passed over, when the batch that they would have been part of is handed out. So it is told the
   * same whether a run was resumed or not, and nothing of what was read ahead. An epoch's dropped end is not told.
   */
  onBad?(bad: BadImage): void;
}

/** Training batches depend on a seed, and can go on from where a run was left. */
export interface TrainingOptions extends BatchOptions {
  seed: number;
  /** Where to begin: the `next` of the last batch done. */
  start?: Position;
}

/** B pairs of views. */
export interface Batch {
  /** [2, B, size, size, 4]: view 1 of all images, then view 2; RGB normalised, the fourth channel 0. */
  views: Float32Array<ArrayBuffer>;
  /** Which images of the source. */
  indices: number[];
  epoch: number;
  /** Where a run goes on that has done this batch. */
  next: Position;
  /** Gives `views` back for a later batch; it must not be read after that. */
  release(): void;
}

/** Up to B images in source order. */
export interface EvaluationBatch {
  /** [n, size, size, 4]: RGB normalised, the fourth channel 0. */
  images: Float32Array<ArrayBuffer>;
  /** Index into the source's classes, −1 where there is none. */
  labels: Int32Array<ArrayBuffer>;
  /** Which images of the source. */
  indices: number[];
  /** Gives `images` back for a later batch; it must not be read after that. */
  release(): void;
}

/**
 * Endless batches of views drawn by `recipe`. Every epoch visits the images in another order and drops what makes no
 * whole batch at its end. Same seed and source, same batches to the bit, however many Workers, and a stream started
 * at a batch's `next` gives those that follow it.
 */
export function trainingBatches(options: TrainingOptions): ReadableStream<Batch> {
  const { seed, start = { epoch: 0, offset: 0 } } = options;
  const { first, limit } = span(options);
  return stream(options, {
    seed,
    visits: trainingOrder({ first, limit, seed, start }),
    finish: ({ views, samples, next, release }: Collated) => ({
      views,
      indices: samples.map((sample) => sample.index),
      epoch: samples[0].epoch,
      next,
      release,
    }),
  });
}

/** Each image once, in source order, resized and cropped without chance; the last batch may be smaller. */
export function evaluationBatches(options: BatchOptions): ReadableStream<EvaluationBatch> {
  return stream(options, {
    seed: null,
    visits: sourceOrder(span(options)),
    finish: ({ views, samples, release }: Collated) => ({
      images: views,
      labels: Int32Array.from(samples, (sample) => sample.label ?? -1),
      indices: samples.map((sample) => sample.index),
      release,
    }),
  });
}

/** Files read at a time: at eight, reading has all but its full speed. */
const READS = 8;
/** Small images share a message to a Worker, up to this many, this many encoded bytes, this many bytes of views. */
const MESSAGE = { count: 64, encoded: 1 << 18, views: 1 << 22 };
/** Messages a Worker has before it: one in hand and one to go on with. */
const MESSAGES_PER_WORKER = 2;

function stream<T>(
  options: BatchOptions,
  { seed, visits, finish }: { seed: number | null; visits: Iterable<Visit>; finish(batch: Collated): T },
): ReadableStream<T> {
  const { source, batch, size, recipe, workers = 2, onBadImage = "skip", onBad } = options;
  const { limit } = span(options);
  const training = seed !== null;
  const views = training ? 2 : 1;
  const viewLength = size * size * VIEW_CHANNELS;
  if (training && batch > limit) {
    throw new UserError(
      `Cannot make batches of ${batch} images of ${source.name}: expected at least one batch: there are ${limit} ` +
        `images. Lower --batch.`,
    );
  }
  const pool = new Pool({ recipe, size, seed }, { workers });
  const reads = new Set<Promise<unknown>>();
  const read = (visit: Visit) => {
    const reading = readSample(source, visit).finally(() => reads.delete(reading));
    reads.add(reading);
    return reading;
  };
  const fits = Math.floor(MESSAGE.views / (views * viewLength * Float32Array.BYTES_PER_ELEMENT));
  // The messages under way hold one batch together, lest small ones be made far ahead.
  const messages = workers * MESSAGES_PER_WORKER;
  const count = Math.max(1, Math.min(MESSAGE.count, fits, Math.ceil(batch / messages)));
  const report = (bad: BadImage) => {
    if (onBadImage === "error") {
      throw new UserError(
        `Cannot use image ${bad.key} of ${source.name}: ${bad.reason}. Replace or remove it, or pass over such ` +
          `images with --on-bad-image skip.`,
      );
    }
    onBad?.(bad);
  };
  const batches = ReadableStream.from(visits)
    .pipeThrough(orderedMap(read, READS))
    .pipeThrough(group({ count, weight: MESSAGE.encoded, weigh: (sample) => sample.bytes.length }))
    .pipeThrough(orderedMap((samples) => decode(pool, samples), messages))
    .pipeThrough(collate({
      batch,
      views,
      viewLength,
      limit,
      partial: training ? "drop" : "keep",
      onBad: report,
    }));
  const delivered = (collated: Collated) => {
    collated.bad.forEach(report);
    return finish(collated);
  };
  return closing(batches, delivered, async () => {
    pool.close();
    await Promise.allSettled(reads);
  });
}

/** A sample with its bytes, or what kept them from being read. */
interface ReadSample extends Sample {
  bytes: Uint8Array;
  failure: string | null;
}

async function readSample(source: ImageSource, visit: Visit): Promise<ReadSample> {
  try {
    return { ...visit, ...await source.read(visit.index), failure: null };
  } catch (error) {
    const nothing = { key: source.key(visit.index), label: null, bytes: new Uint8Array(0) };
    return { ...visit, ...nothing, failure: `it cannot be read: ${messageOf(error)}` };
  }
}

async function decode(pool: Pool, samples: ReadSample[]): Promise<DecodedGroup> {
  const { views, reasons, release } = await pool.run(samples);
  return { samples, views, reasons: reasons.map((reason, i) => samples[i].failure ?? reason), release };
}

/** The samples that `options` mean; throws a UserError if there are not so many. */
function span(
  { source, first = 0, limit = source.length - first }: BatchOptions,
): { first: number; limit: number } {
  if (limit >= 1 && first + limit <= source.length) return { first, limit };
  throw new UserError(
    `Cannot take ${limit} images from number ${first} on of ${source.name}: it has ${source.length}. Lower --limit or ` +
      `--holdout.`,
  );
}

/** `stream`, mapped by `finish`; calls `close` when it ends, fails or is cancelled. */
function closing<I, O>(
  stream: ReadableStream<I>,
  finish: (item: I) => O,
  close: () => Promise<void>,
): ReadableStream<O> {
  const reader = stream.getReader();
  // Both at once: until the pool is closed, cancelling waits for what is under way there. What fails in it no longer
  // matters, as batches read ahead are not wanted: not even a bad image that is to end the stream.
  const end = (reason: unknown) => Promise.allSettled([reader.cancel(reason), close()]);
  return new ReadableStream<O>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(finish(value));
        await close();
        controller.close();
      } catch (error) {
        await end(error);
        throw error;
      }
    },
    async cancel(reason) {
      await end(reason);
    },
  }, { highWaterMark: 0 });
}
