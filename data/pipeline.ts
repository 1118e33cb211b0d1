/**
 * From a source to batches: order and read → decode and draw in a pool → batch.
 *
 * The streams pull: nothing is read before the first batch is asked for, and about three batches are under way at most.
 * Cancelling a stream (leaving its `for await` does) ends its Workers; the source stays its owner's.
 *
 * @module
 */
import { VIEW_CHANNELS } from "./views/apply.ts";
import { type Recipe, usualDecodeSize } from "./views/recipe.ts";
import type { PackedImage } from "./views/table.ts";
import { UserError } from "../src/base/errors.ts";
import { assembleViews } from "./assemble.ts";
import { type BadImage, collate, type Collated } from "./collate.ts";
import { group } from "./group.ts";
import type { Position } from "./order.ts";
import type { PixelCache } from "./pixel_cache.ts";
import { Pool } from "./pool.ts";
import { prepare } from "./prepare.ts";
import { readSamples } from "./read.ts";
import type { ImageSource } from "./sources/types.ts";
import { ReadableStream } from "./streams.ts";

export type { BadImage, Position };

/** What to do about an image that cannot be used. */
export type OnBadImage = "skip" | "error" | "substitute";

/** Which images, and how they become batches. */
export interface BatchOptions {
  source: ImageSource;
  /** The samples `first` … `first + limit − 1` in source order; as a rule all. */
  first?: number;
  limit?: number | null;
  /** Images per batch. */
  batch: number;
  /** Side of the views, pixels. */
  size: number;
  /** How the views are drawn (training) and normalised. */
  recipe: Recipe;
  /** Larger images are shrunk to this short side when they are decoded; else as {@linkcode usualDecodeSize} says. */
  decodeSize?: number;
  /** How many Workers decode; 2 unless told. The batches do not depend on it. */
  workers?: number;
  /** Keeps decoded images; stays its owner's. */
  cache?: PixelCache;
  /**
   * Whether an image that cannot be used is passed over, as a rule; or ends the stream with a UserError in place of the
   * batch that it would have been part of; or, in training, is replaced by another one, which its index decides, if the
   * source is indexed.
   */
  onBadImage?: OnBadImage;
  /**
   * Is told of the images that cannot be used, when the batch that they would have been part of is handed out. So it is
   * told the same whether a run was resumed or not, and nothing of what was read ahead. An epoch's dropped end is not
   * told. May throw to end the stream.
   */
  onBad?(bad: BadImage): void;
}

/** Training batches depend on a seed, and can go on from where a run was left. */
export interface TrainingOptions extends BatchOptions {
  seed: number;
  /** Where to begin: the `next` of the last batch done. */
  start?: Position;
}

/**
 * Views that the Workers have made, [views, B, size, size, 4]: the first view of all images, then the second; RGB
 * normalised, the fourth channel 0. Or what a GPU makes them of.
 */
export type Views = Float32Array<ArrayBuffer> | PackedImage[];

/** Where the views are made: by the Workers, as a rule, or on the GPU. */
export interface Augment<V extends Views> {
  augment: Views extends V ? "gpu" | "cpu" : V extends PackedImage[] ? "gpu" : "cpu";
}

/** B pairs of views. */
export interface Batch<V extends Views = Float32Array<ArrayBuffer>> {
  views: V;
  /** Index into the source's classes, −1 where there is none. */
  labels: Int32Array<ArrayBuffer>;
  /** Which images of the source. */
  indices: number[];
  epoch: number;
  /** Where a run goes on that has done this batch. */
  next: Position;
  /** Gives the memory of `views` back for a later batch; it must not be read after that. */
  release(): void;
}

/** Up to B images in source order. */
export interface EvaluationBatch<V extends Views = Float32Array<ArrayBuffer>> {
  /** One view of each. */
  images: V;
  /** Index into the source's classes, −1 where there is none. */
  labels: Int32Array<ArrayBuffer>;
  /** Which images of the source. */
  indices: number[];
  /** Gives the memory of `images` back for a later batch; it must not be read after that. */
  release(): void;
}

/**
 * Endless batches of views drawn by `recipe`. Every epoch visits the images in another order and drops what makes no
 * whole batch at its end. Same seed and source, same batches to the bit, however many Workers, and a stream started
 * at a batch's `next` gives those that follow it.
 */
export function trainingBatches<V extends Views = Float32Array<ArrayBuffer>>(
  options: TrainingOptions & Partial<Augment<V>>,
): ReadableStream<Batch<V>> {
  const { seed, start } = options;
  return stream<V, Batch<V>>(options, { seed, start }, ({ views, samples, next, release }) => ({
    views,
    labels: labelsOf(samples),
    indices: samples.map((sample) => sample.index),
    epoch: samples[0].epoch,
    next,
    release,
  }));
}

/** Each image once, in source order, resized and cropped without chance; the last batch may be smaller. */
export function evaluationBatches<V extends Views = Float32Array<ArrayBuffer>>(
  options: BatchOptions & Partial<Augment<V>>,
): ReadableStream<EvaluationBatch<V>> {
  return stream<V, EvaluationBatch<V>>(options, { seed: null }, ({ views, samples, release }) => ({
    images: views,
    labels: labelsOf(samples),
    indices: samples.map((sample) => sample.index),
    release,
  }));
}

function labelsOf(samples: Collated["samples"]): Int32Array<ArrayBuffer> {
  return Int32Array.from(samples, ({ label }) => label ?? -1);
}

/** Small images share a message to a Worker, up to this many, this many encoded bytes, this many bytes of views. */
const MESSAGE = { count: 64, encoded: 1 << 18, views: 1 << 22 };
/** Messages a Worker has before it: one in hand and one to go on with. */
const MESSAGES_PER_WORKER = 2;

function stream<V extends Views, T>(
  options: BatchOptions & Partial<Augment<V>>,
  { seed, start }: { seed: number | null; start?: Position },
  finish: (batch: Omit<Collated, "images"> & { views: V }) => T,
): ReadableStream<T> {
  const { source, batch, size, recipe, workers = 2, cache, onBadImage = "skip", onBad } = options;
  const { first = 0, decodeSize = usualDecodeSize(recipe, size), augment = "cpu" } = options;
  const limit = options.limit ?? (source.length === null ? null : source.length - first);
  const training = seed !== null;
  const views = training ? 2 : 1;
  const viewLength = size * size * VIEW_CHANNELS;
  if (training && limit !== null && batch > limit) {
    throw new UserError(
      `Cannot make batches of ${batch} images of ${source.name}: expected at least one batch: there are ${limit} ` +
        `images. Lower --batch.`,
    );
  }
  expectSubstitutes(source, onBadImage);
  const read = training && cache ? unreadWhereKept(source, cache) : source;
  const samples = readSamples(read, { seed, first, limit: options.limit ?? null, start, locate: true });
  const pool = new Pool({ recipe, size, seed, decodeSize, augment, keepPixels: cache !== undefined }, {
    workers,
  });
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
  const substitutes = training && onBadImage === "substitute" && source.kind === "indexed"
    ? { source, first, limit: limit! }
    : undefined;
  const batches = samples
    .pipeThrough(
      group({ count, weight: MESSAGE.encoded, weigh: ({ place, bytes }) => place?.size ?? bytes.length }),
    )
    .pipeThrough(prepare(pool, { concurrency: messages, cache, substitutes }))
    .pipeThrough(collate({ batch, limit, partial: training ? "drop" : "keep", onBad: report }));
  const assemble = assembleViews({ batch, views, viewLength });
  const delivered = (collated: Collated) => {
    collated.bad.forEach(report);
    return finish(
      augment === "cpu" ? assemble(collated) as never : { ...collated, views: collated.images as never },
    );
  };
  return closing(batches, delivered, () => pool.close());
}

/** Throws a UserError if bad images are to be replaced, and the source cannot be asked for others. */
export function expectSubstitutes({ kind, name }: ImageSource, onBadImage: OnBadImage): void {
  if (onBadImage !== "substitute" || kind === "indexed") return;
  throw new UserError(
    `Cannot substitute images of ${name}: expected a source that can be read in any order: it is streamed. Use ` +
      `--on-bad-image skip.`,
  );
}

/** `source`, but that images kept in `cache` have no bytes. */
function unreadWhereKept(source: ImageSource, cache: PixelCache): ImageSource {
  if (source.kind !== "indexed") return source;
  const empty = new Uint8Array(0);
  return {
    ...source,
    read: (index) =>
      cache.has(index)
        ? Promise.resolve({ index, key: source.key(index), bytes: empty, label: source.label(index) })
        : source.read(index),
    locate: (index) => cache.has(index) ? null : source.locate?.(index) ?? null,
  };
}

/** `stream`, mapped by `finish`; calls `close` when it ends, fails or is cancelled. */
function closing<I, O>(
  stream: ReadableStream<I>,
  finish: (item: I) => O,
  close: () => void,
): ReadableStream<O> {
  const reader = stream.getReader();
  // Both at once: until the pool is closed, cancelling waits for what is under way there. What fails in it no longer
  // matters, as batches read ahead are not wanted: not even a bad image that is to end the stream.
  const end = (reason: unknown) => {
    const cancelled = reader.cancel(reason).catch(() => {});
    close();
    return cancelled;
  };
  return new ReadableStream<O>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(finish(value));
        close();
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
