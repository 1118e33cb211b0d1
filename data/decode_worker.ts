/**
 * The Worker of the pool: decodes images, and draws and makes their views. Its first message is the {@linkcode Setup},
 * each further one a {@linkcode Job}, answered by a {@linkcode JobResult} in the same order.
 *
 * @module
 */
/// <reference lib="deno.worker" />
import { applyView, VIEW_CHANNELS } from "./views/apply.ts";
import { drawView, evaluationView, type ViewParameters } from "./views/draw.ts";
import type { Recipe } from "./views/recipe.ts";
import type { DecodedImage } from "./views/resize.ts";
import { RecordWriter } from "./views/table.ts";
import { MachineError, messageOf } from "../src/base/errors.ts";
import { keyedRandom } from "../src/base/random.ts";
import { decodeUsable } from "./decode_usable.ts";
import { type Place, readPlace } from "./place.ts";

/** What all jobs of a pool share. */
export interface Setup {
  recipe: Recipe;
  /** Side of the views, pixels. */
  size: number;
  /** Training: both views of the recipe, drawn with this seed. Evaluation, one plain view: null. */
  seed: number | null;
  /** Larger images are shrunk to this short side, pixels. */
  decodeSize: number;
  /** Whether the views are made here ("cpu"), or only what they are made of ("gpu"). */
  augment: "cpu" | "gpu";
  /** Whether the decoded images are wanted although the views are made here. */
  keepPixels: boolean;
}

/** An image of a job. */
export interface JobItem {
  /** What the draws are keyed by, with the seed. */
  epoch: number;
  index: number;
  /** Where its bytes end in those of the job. */
  end: number;
  /** Where it is yet to be read from; it has no bytes in the job then. */
  place: Place | null;
  /** If it is decoded already: its size. Its bytes are then its pixels, or nothing where these are not needed. */
  decoded: { width: number; height: number } | null;
}

/**
 * A few images. Their bytes lie one after another, so that a message moves one buffer, copying nothing. `views` and
 * `pixels` are to be filled and sent back; if `pixels` is too small, a larger one comes back.
 */
export interface Job {
  bytes: Uint8Array<ArrayBuffer>;
  items: JobItem[];
  /** [image, view, size, size, 4], or empty. */
  views: Float32Array<ArrayBuffer>;
  pixels: Uint8Array<ArrayBuffer>;
}

/** What became of an image: what is wrong with it; or its size, and where its records and its pixels end. */
export type JobAnswer = { reason: string } | {
  reason: null;
  width: number;
  height: number;
  recordsEnd: number;
  pixelsEnd: number;
};

/** What is sent in place of a result where the machine is at fault, so that no image is blamed. */
export interface JobFailure {
  failure: string;
}

/** The answer to a job. */
export interface JobResult {
  answers: JobAnswer[];
  /** The views of good images; what stands in the place of bad ones means nothing. */
  views: Float32Array<ArrayBuffer>;
  /** The images newly decoded, one after another. */
  pixels: Uint8Array<ArrayBuffer>;
  /** The records of their views, likewise, as RecordWriter makes them. */
  records: Int32Array<ArrayBuffer>;
}

let setup: Setup;
let last = Promise.resolve();
const records = new RecordWriter();

self.onmessage = ({ data }: MessageEvent<Setup | Job>) => {
  if ("recipe" in data) setup = data;
  // One job after the other: while one waits for a decoder to load, the next one's message comes in.
  else last = last.then(() => work(data)).catch((error) => fail(error));
};

/** A decoder that is not there, or no memory: another machine, or the same at another time, could use the image. */
function isOfMachine(error: unknown): boolean {
  return error instanceof MachineError ||
    error instanceof RangeError && /allocation failed/.test(error.message);
}

/** Tells the pool of the machine's failures; what else is thrown is a crash. */
function fail(error: unknown): void {
  if (!isOfMachine(error)) throw error;
  const failure: JobFailure = { failure: messageOf(error) };
  self.postMessage(failure);
}

async function work({ bytes, items, views, pixels }: Job): Promise<void> {
  const { augment, keepPixels } = setup;
  const answers: JobAnswer[] = [], images: Uint8Array[] = [];
  let pixelsEnd = 0;
  for (const [i, item] of items.entries()) {
    try {
      const part = bytes.subarray(i === 0 ? 0 : items[i - 1].end, item.end);
      const image = item.decoded
        ? { ...item.decoded, data: part }
        : await decodeUsable(item.place ? read(item.place) : part, setup);
      const parameters = drawViews(image, item);
      if (augment === "cpu") makeViews(image, parameters, { i, views });
      else {
        for (const view of parameters) records.add(view, { width: image.width, size: setup.size });
      }
      if (!item.decoded && (augment === "gpu" || keepPixels)) {
        images.push(image.data);
        pixelsEnd += image.data.length;
      }
      answers.push({
        reason: null,
        width: image.width,
        height: image.height,
        recordsEnd: records.length,
        pixelsEnd,
      });
    } catch (error) {
      if (isOfMachine(error)) throw error;
      answers.push({ reason: messageOf(error) });
    }
  }
  // Grown by halves more than needed, or every slightly larger lot of images would need a new one.
  const large = pixels.length >= pixelsEnd ? pixels : new Uint8Array(Math.ceil(1.5 * pixelsEnd));
  const result: JobResult = { answers, views, pixels: large, records: records.take() };
  let at = 0;
  for (const image of images) {
    result.pixels.set(image, at);
    at += image.length;
  }
  self.postMessage(result, [result.views.buffer, result.pixels.buffer, result.records.buffer]);
}

function read(place: Place): Uint8Array {
  try {
    return readPlace(place);
  } catch (error) {
    throw new Error(`it cannot be read: ${messageOf(error)}`);
  }
}

function drawViews({ width, height }: DecodedImage, { epoch, index }: JobItem): ViewParameters[] {
  const { recipe, size, seed } = setup;
  const sizes = { width, height, size };
  return seed === null
    ? [evaluationView(sizes)]
    : recipe.views.map((view, v) => drawView(view, sizes, keyedRandom(seed, epoch, index, v)));
}

/** Writes the views of image `i` of the job to their place. */
function makeViews(
  image: DecodedImage,
  parameters: ViewParameters[],
  { i, views }: { i: number; views: Float32Array },
): void {
  const { size, recipe: { mean, std } } = setup;
  const length = size * size * VIEW_CHANNELS;
  parameters.forEach((view, v) => {
    const start = (i * parameters.length + v) * length;
    applyView(image, view, { size, mean, std, out: views.subarray(start, start + length) });
  });
}
