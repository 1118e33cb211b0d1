/**
 * From a source to batches: order and read → decode and draw in a pool → collate.
 *
 * The streams are lazy: nothing is read before the first batch is asked for, and at most about three batches are under way.
 * Canceling a stream (leaving its `for await` does) ends its Workers. It does not close the source.
 *
 * @module
 */
import { VIEW_CHANNELS } from "./views/apply.ts";
import { defaultDecodeSize, type Recipe } from "./views/recipe.ts";
import type { ImageSize } from "./views/resize.ts";
import type { PackedImage } from "./views/table.ts";
import { UserError } from "../src/base/errors.ts";
import { assembleViews } from "./assemble.ts";
import { type BadImage, collate, type Collated } from "./collate.ts";
import { group } from "./group.ts";
import type { Position } from "./order.ts";
import { evaluationEntries, type PixelCache, withoutCachedBytes } from "./pixel_cache.ts";
import { Pool } from "./pool.ts";
import { type ImageNote, prepare } from "./prepare.ts";
import { readSamples } from "./read.ts";
import type { Place, Share } from "./share.ts";
import type { ImageSource } from "./sources/types.ts";
import { ReadableStream } from "./streams.ts";

export type { BadImage, ImageNote, Place, Position, Share };

/** What to do about an image that cannot be used. */
export type OnBadImage = "skip" | "error" | "substitute";

/** Which images, and how they become batches. */
export interface BatchOptions {
  /** Where the images come from: a source, or a part of one. */
  source: ImageSource;
  /** Images per batch. */
  batch: number;
  /** Side of the views, pixels. */
  size: number;
  /** How the views are drawn (in training) and normalized. */
  recipe: Recipe;
  /**
   * In training, larger images are shrunk to this short side when decoded. Default: as {@linkcode defaultDecodeSize} says.
   * Evaluations resize the whole image once.
   */
  decodeSize?: number;
  /** Images with a shorter side, in pixels, are left out: they go to `onBad`, marked as `leftOut`. Default: 1. */
  minSide?: number;
  /** Number of Workers that decode. Default: 2. The batches do not depend on it. */
  workers?: number;
  /** Keeps decoded images. The caller closes it. */
  cache?: PixelCache;
  /** In evaluations: whether it is no error if no image can be used, as other ranks have more. Default: false. */
  mayBeEmpty?: boolean;
  /**
   * What to do about an image that cannot be used. "skip", the default, skips it. "error" ends the stream with a UserError
   * in place of the image's batch. "substitute" replaces it, in training from an indexed source, by another image that
   * depends on its index only. Images that `minSide` leaves out are skipped in any case.
   */
  onBadImage?: OnBadImage;
  /**
   * Called with each image that is not used when its batch is delivered. A resumed run thus reports the same bad images as an
   * uninterrupted one, and none that was only read ahead. Images dropped at the end of an epoch are not reported. May
   * throw to end the stream.
   */
  onBad?(bad: BadImage): void;
  /** Called with each image that can be used and looks wrong, such as a nearly black one, when it is decoded. */
  onNote?(note: ImageNote): void;
}

/** Options of training batches, which depend on a seed and can be resumed. */
export interface TrainingOptions extends BatchOptions {
  /** The key of the order and of the views. */
  seed: number;
  /** Where to start: the `next` of the last batch consumed. */
  start?: Position;
  /** Make only the batches of this rank: of each round, one. An image that cannot be used then ends the stream. */
  share?: Share;
}

/**
 * Views made by the Workers, [views, B, size, size, 4]: the first view of all images, then the second; normalized RGB, the
 * fourth channel 0. Or what a GPU makes them of.
 */
export type Views = Float32Array<ArrayBuffer> | PackedImage[];

/** Where the views are made: by the Workers, the default, or on the GPU. */
export interface Augment<V extends Views> {
  /** "cpu" or "gpu", by the type of the views. */
  augment: Views extends V ? "gpu" | "cpu" : V extends PackedImage[] ? "gpu" : "cpu";
}

/** B pairs of views. */
export interface Batch<V extends Views = Float32Array<ArrayBuffer>> {
  /** Both views of each image. */
  views: V;
  /** Class indices, −1 where there is no label. */
  labels: Int32Array<ArrayBuffer>;
  /** The images' numbers in the source. */
  indices: number[];
  /** The epoch, from 0. */
  epoch: number;
  /** Where to resume after this batch, or after its round. */
  next: Position;
  /** The batches of its round: this one, and with a share those of the other ranks. */
  places: Place[];
  /** Returns the memory of `views` for a later batch; they must not be read afterwards. */
  release(): void;
}

/** Up to B images in source order. */
export interface EvaluationBatch<V extends Views = Float32Array<ArrayBuffer>> {
  /** One view of each. */
  images: V;
  /** Class indices, −1 where there is no label. */
  labels: Int32Array<ArrayBuffer>;
  /** The images' numbers in the source. */
  indices: number[];
  /** Their names in the source. */
  keys: string[];
  /** The sizes of the upright images before they were resized; null for those that were cached. */
  originals: (ImageSize | null)[];
  /** Where to resume after this batch. */
  next: Position;
  /** Returns the memory of `images` for a later batch; they must not be read afterwards. */
  release(): void;
}

/**
 * Endless batches of views drawn by `recipe`. Each epoch visits the images in another order and drops the last images that
 * do not fill a batch. The same seed and source give the same batches to the bit, however many Workers there are, and a
 * stream started at a batch's `next` gives those that follow it.
 */
export function trainingBatches<V extends Views = Float32Array<ArrayBuffer>>(
  options: TrainingOptions & Partial<Augment<V>>,
): ReadableStream<Batch<V>> {
  const { seed, start, share } = options;
  return batches<V, Batch<V>>(
    options,
    { seed, start, share },
    ({ views, samples, next, places, release }) => ({
      views,
      labels: labelsOf(samples),
      indices: samples.map((sample) => sample.index),
      epoch: samples[0].epoch,
      next,
      places,
      release,
    }),
  );
}

/**
 * Each image once, in source order, resized and center-cropped without augmentation; the last batch may be smaller. A stream
 * started at a batch's `next` gives those that follow it.
 */
export function evaluationBatches<V extends Views = Float32Array<ArrayBuffer>>(
  options: BatchOptions & Partial<Augment<V>> & Pick<TrainingOptions, "start">,
): ReadableStream<EvaluationBatch<V>> {
  const { start } = options;
  return batches<V, EvaluationBatch<V>>(
    options,
    { seed: null, start },
    ({ views, samples, originals, next, release }) => ({
      images: views,
      labels: labelsOf(samples),
      indices: samples.map((sample) => sample.index),
      keys: samples.map((sample) => sample.key),
      originals,
      next,
      release,
    }),
  );
}

function labelsOf(samples: Collated["samples"]): Int32Array<ArrayBuffer> {
  return Int32Array.from(samples, ({ label }) => label ?? -1);
}

/** Small images share a message to a Worker: at most this many, this many encoded bytes, this many bytes of views. */
const MESSAGE_LIMITS = { count: 64, encoded: 1 << 18, views: 1 << 22 };
/** Messages queued at a Worker: the one it works on, and the next. */
const MESSAGES_PER_WORKER = 2;

/** A batch whose views are in the form that was asked for. */
type Delivered<V> = Omit<Collated, "images"> & { views: V; originals: (ImageSize | null)[] };

function batches<V extends Views, T>(
  options: BatchOptions & Partial<Augment<V>>,
  { seed, start, share }: { seed: number | null; start?: Position; share?: Share },
  finish: (batch: Delivered<V>) => T,
): ReadableStream<T> {
  const { source, batch, size, recipe, workers = 2, onBadImage = "skip" } = options;
  const { decodeSize = defaultDecodeSize(recipe, size), minSide, augment = "cpu", mayBeEmpty } = options;
  const training = seed !== null;
  const cache = training ? options.cache : options.cache && evaluationEntries(options.cache);
  const views = training ? 2 : 1, viewLength = size * size * VIEW_CHANNELS;
  checkBatch(source, training ? batch : 1);
  checkSubstitutable(source, onBadImage);

  // The messages under way hold about one batch together, so that small images are not prepared too far ahead.
  const messages = workers * MESSAGES_PER_WORKER;
  const fits = Math.floor(MESSAGE_LIMITS.views / (views * viewLength * Float32Array.BYTES_PER_ELEMENT));
  const count = Math.max(1, Math.min(MESSAGE_LIMITS.count, fits, Math.ceil(batch / messages)));
  const weigh = ({ fileRange, bytes }: { fileRange: { size: number } | null; bytes: Uint8Array }) =>
    fileRange?.size ?? bytes.length;
  const substitutes = training && onBadImage === "substitute" && source.kind === "indexed"
    ? source
    : undefined;
  const report = reporter(options);

  const read = training && cache ? withoutCachedBytes(source, cache) : source;
  const samples = readSamples(read, {
    ...{ seed, start, locate: true, mayBeEmpty, share: share && { ...share, batch } },
  });
  const keepPixels = cache !== undefined;
  const pool = new Pool({ recipe, size, seed, decodeSize, minSide, augment, keepPixels }, { workers });
  const collated = samples
    .pipeThrough(group({ count, weight: MESSAGE_LIMITS.encoded, weigh }))
    .pipeThrough(prepare(pool, { concurrency: messages, cache, substitutes, onNote: options.onNote }))
    .pipeThrough(
      collate({
        ...{ batch, limit: source.length, onBad: report },
        partial: training ? "drop" : "keep",
        whole: share !== undefined,
        mayBeEmpty,
      }),
    );
  const assemble = assembleViews({ batch, views, viewLength });
  const deliver = (collated: Collated) => {
    collated.bad.forEach(report);
    const originals = collated.images.map(({ original }) => original);
    const delivered = augment === "cpu" ? assemble(collated) : { ...collated, views: collated.images };
    return finish({ ...delivered, originals } as Delivered<V>);
  };
  return closing(collated, deliver, () => pool.close());
}

function checkBatch({ name, length }: ImageSource, batch: number): void {
  if (length === null || batch <= length) return;
  throw new UserError(
    `Cannot make batches of ${batch} images of "${name}": there are ${length} images. Lower the batch size.`,
  );
}

/** Throws a UserError if bad images are to be substituted and the source cannot be read in any order. */
export function checkSubstitutable({ kind, name }: ImageSource, onBadImage: OnBadImage): void {
  if (onBadImage !== "substitute" || kind === "indexed") return;
  throw new UserError(
    `Cannot substitute bad images of "${name}": the source is streamed, so that other images cannot be read at will. ` +
      `Skip bad images instead.`,
  );
}

/** What is done about a bad image. */
function reporter({ source, onBadImage, onBad }: BatchOptions): (bad: BadImage) => void {
  return (bad) => {
    if (onBadImage === "error" && !bad.leftOut) {
      throw new UserError(
        `Cannot use image "${bad.key}" of "${source.name}": ${bad.reason}. Replace or remove it, or skip bad images.`,
      );
    }
    onBad?.(bad);
  };
}

/** `stream`, mapped by `finish`; calls `close` when it ends, fails or is canceled. */
function closing<I, O>(
  stream: ReadableStream<I>,
  finish: (item: I) => O,
  close: () => void,
): ReadableStream<O> {
  const reader = stream.getReader();
  // Both at once: canceling waits for the jobs of the pool until it is closed. Errors no longer matter then, as batches
  // read ahead are not wanted: not even a bad image that is to end the stream.
  const end = (reason: unknown) => {
    const canceled = reader.cancel(reason).catch(() => {});
    close();
    return canceled;
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
