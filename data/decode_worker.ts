/**
 * The Worker of the pool: decodes images and makes their views. Its first message is the {@linkcode Setup}, each
 * further one a {@linkcode Job}, answered by a {@linkcode JobResult} in the same order.
 *
 * @module
 */
/// <reference lib="deno.worker" />
import { applyView, VIEW_CHANNELS } from "../src/augment/apply.ts";
import { drawView, evaluationView } from "../src/augment/draw.ts";
import type { Recipe } from "../src/augment/recipe.ts";
import { messageOf } from "../src/errors.ts";
import { keyedRandom } from "../src/random.ts";
import { decodeImage } from "./decode.ts";

/** What all jobs of a pool share. */
export interface Setup {
  recipe: Recipe;
  /** Side of the views, pixels. */
  size: number;
  /** Training: both views of the recipe, drawn with this seed. Evaluation, one plain view: null. */
  seed: number | null;
}

/** A few images to decode. Their bytes lie one after another, so that a message moves one buffer, copying nothing. */
export interface Job {
  bytes: Uint8Array<ArrayBuffer>;
  /** Where each image's bytes end. */
  ends: number[];
  /** What the draws are keyed by, with the seed: for each image. */
  keys: { epoch: number; index: number }[];
  /** To be filled and sent back: [image, view, size, size, 4]. */
  views: Float32Array<ArrayBuffer>;
}

/** The answer to a job. */
export interface JobResult {
  /** Views of good images; what stands in the place of bad ones means nothing. */
  views: Float32Array<ArrayBuffer>;
  /** For each image what is wrong with it, or null. */
  reasons: (string | null)[];
}

let setup: Setup;
let last = Promise.resolve();

self.onmessage = ({ data }: MessageEvent<Setup | Job>) => {
  if ("recipe" in data) setup = data;
  // One job after the other: while one waits for a decoder to load, the next one's message comes in.
  else last = last.then(() => work(data));
};

async function work(job: Job): Promise<void> {
  const reasons: (string | null)[] = [];
  for (let i = 0; i < job.ends.length; i++) {
    reasons.push(await makeViews(job, i).then(() => null, messageOf));
  }
  const result: JobResult = { views: job.views, reasons };
  self.postMessage(result, [result.views.buffer]);
}

/** Decodes image `i` of the job and writes its views to their place. */
async function makeViews({ bytes, ends, keys, views }: Job, i: number): Promise<void> {
  const { recipe, size, seed } = setup;
  const image = await decodeImage(bytes.subarray(i === 0 ? 0 : ends[i - 1], ends[i]));
  const { width, height } = image;
  if (width < size || height < size) {
    throw new Error(`its ${width}×${height} pixels are fewer than the crop's ${size}×${size}: lower --size`);
  }
  const sizes = { width, height, size };
  const { epoch, index } = keys[i];
  const parameters = seed === null
    ? [evaluationView(sizes)]
    : recipe.views.map((view, v) => drawView(view, sizes, keyedRandom(seed, epoch, index, v)));
  const length = size * size * VIEW_CHANNELS;
  parameters.forEach((view, v) => {
    const start = (i * parameters.length + v) * length;
    const out = views.subarray(start, start + length);
    applyView(image, view, { size, mean: recipe.mean, std: recipe.std, out });
  });
}
