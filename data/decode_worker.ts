/**
 * The Worker of the pool: decodes images, draws view parameters and makes views. Its first message is the
 * {@linkcode Setup}, each further one a {@linkcode JobMessage}, answered by a {@linkcode JobResult} in the same order.
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
import { decodeForEvaluation, decodeForTraining } from "./decode_usable.ts";
import { type FileRange, readFileRange } from "./file_range.ts";
import { type Rejection, rejectionOf } from "./rejection.ts";

/** What all jobs of a pool have in common. */
export interface Setup {
  /** How the views are drawn and normalized. */
  recipe: Recipe;
  /** Side of the views, pixels. */
  size: number;
  /** The seed of both training views; null for the one view of an evaluation. */
  seed: number | null;
  /** For training, larger images are shrunk to this short side, pixels. */
  decodeSize: number;
  /** Images with a shorter side, in pixels, are left out. Default: 1. */
  minSide?: number;
  /** Whether the Worker makes the views ("cpu"), or only draws their parameters ("gpu"). */
  augment: "cpu" | "gpu";
  /** Whether the Worker returns the decoded images even if it makes the views. For evaluation they are the views in 8 bits. */
  keepPixels: boolean;
}

/** An image of a job. */
export interface JobItem {
  /** With the seed, the key of the random draws. */
  epoch: number;
  index: number;
  /** Where its bytes end in the job's. */
  end: number;
  /** Where the Worker reads it from; it has no bytes in the job then. */
  fileRange: FileRange | null;
  /** The size of an image that is decoded already. Its bytes are its pixels, or empty if they are not needed. */
  decoded: { width: number; height: number } | null;
}

/**
 * A few images. Their bytes lie one after another, so that a message transfers one buffer without a copy. The Worker fills
 * `views` and `pixels` and sends them back; if `pixels` is too small, it sends a larger one.
 */
export interface JobMessage {
  bytes: Uint8Array<ArrayBuffer>;
  items: JobItem[];
  /** [image, view, size, size, 4], or empty. */
  views: Float32Array<ArrayBuffer>;
  pixels: Uint8Array<ArrayBuffer>;
}

/** The answer about an image: what is wrong with it; or its size, and where its records and its pixels end. */
export type JobAnswer = Rejection | {
  reason: null;
  width: number;
  height: number;
  recordsEnd: number;
  pixelsEnd: number;
  /** What looks wrong about it nevertheless. */
  note?: string;
};

/** Sent in place of a result if the machine is at fault, so that no image counts as bad. */
export interface JobFailure {
  failure: string;
}

/** The answer to a job. */
export interface JobResult {
  answers: JobAnswer[];
  /** The views of good images; those of bad ones are undefined. */
  views: Float32Array<ArrayBuffer>;
  /** The newly decoded images, one after another. */
  pixels: Uint8Array<ArrayBuffer>;
  /** The records of their views, one after another, as RecordWriter makes them. */
  records: Int32Array<ArrayBuffer>;
}

let setup: Setup;
let last = Promise.resolve();
const records = new RecordWriter();

self.onmessage = ({ data }: MessageEvent<Setup | JobMessage>) => {
  if ("recipe" in data) setup = data;
  // One job at a time: while a job waits for its decoder to load, the next message may arrive.
  else last = last.then(() => work(data)).catch((error) => fail(error));
};

/** Whether a decoder is missing or memory is short: another machine, or this one later, could use the image. */
function isMachineFault(error: unknown): boolean {
  return error instanceof MachineError ||
    error instanceof RangeError && /allocation failed/.test(error.message);
}

/** Reports a machine fault to the pool. Any other error is rethrown and counts as a crash. */
function fail(error: unknown): void {
  if (!isMachineFault(error)) throw error;
  const failure: JobFailure = { failure: messageOf(error) };
  self.postMessage(failure);
}

async function work({ bytes, items, views, pixels }: JobMessage): Promise<void> {
  const { augment, keepPixels } = setup;
  const answers: JobAnswer[] = [], images: Uint8Array[] = [];
  let pixelsEnd = 0;
  for (const [i, item] of items.entries()) {
    try {
      const part = bytes.subarray(i === 0 ? 0 : items[i - 1].end, item.end);
      const image = item.decoded
        ? { ...item.decoded, data: part }
        : await decode(item.fileRange ? read(item.fileRange) : part);
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
        note: "note" in image ? image.note : undefined,
      });
    } catch (error) {
      if (isMachineFault(error)) throw error;
      answers.push(rejectionOf(error));
    }
  }
  // Half again as large as needed, so that slightly larger jobs do not each allocate a new buffer.
  const large = pixels.length >= pixelsEnd ? pixels : new Uint8Array(Math.ceil(1.5 * pixelsEnd));
  const result: JobResult = { answers, views, pixels: large, records: records.take() };
  let at = 0;
  for (const image of images) {
    result.pixels.set(image, at);
    at += image.length;
  }
  self.postMessage(result, [result.views.buffer, result.pixels.buffer, result.records.buffer]);
}

function decode(bytes: Uint8Array): Promise<DecodedImage> {
  return setup.seed === null ? decodeForEvaluation(bytes, setup) : decodeForTraining(bytes, setup);
}

function read(range: FileRange): Uint8Array {
  try {
    return readFileRange(range);
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

/** Writes the views of image `i` of the job into `views`. */
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
