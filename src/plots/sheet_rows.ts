/**
 * The images of a sheet of views.
 *
 * @module
 */
import { decodeForTraining } from "../../data/decode_usable.ts";
import type { BadImage } from "../../data/pipeline.ts";
import { readSamples } from "../../data/read.ts";
import { rejectionOf } from "../../data/rejection.ts";
import type { ImageSource, IndexedSource } from "../../data/sources/types.ts";
import { numberIn } from "../../data/subset.ts";
import { applyView, VIEW_CHANNELS } from "../../data/views/apply.ts";
import { drawView, type ViewParameters } from "../../data/views/draw.ts";
import { defaultDecodeSize, type Recipe } from "../../data/views/recipe.ts";
import type { DecodedImage } from "../../data/views/resize.ts";
import { MachineError } from "../base/errors.ts";
import { onAbort } from "../base/on_abort.ts";
import { keyedRandom } from "../base/random.ts";

/** Options of a sheet of views. */
export interface PreviewOptions {
  /** How views are drawn. */
  recipe: Recipe;
  /** Side of the views in pixels. */
  size: number;
  /** Number of images, spread over the source. */
  count: number;
  /** Seed of the run whose first epoch has these views. */
  seed: number;
  /** Short side in pixels to which larger images are shrunk when decoded, as in the run. Default: as for a run. */
  decodeSize?: number;
  /** Leave out images with a shorter side, in pixels. Default: 1. */
  minSide?: number;
  /** Ends the reading with its reason when aborted. */
  signal?: AbortSignal;
  /** Receives images that cannot be used. The sheet names them too. */
  onBad?(bad: BadImage): void;
}

/** An image with its views as in training, but not normalized. */
export interface SheetRow {
  index: number;
  key: string;
  image: DecodedImage;
  views: { parameters: ViewParameters; pixels: DecodedImage }[];
}

/** Bad images in a row before the next part of the source is tried. */
const MAX_TRIES = 8;

/** Reads the images of a sheet. Those that cannot be used go to `bad`. */
export async function readRows(
  source: ImageSource,
  options: PreviewOptions,
  bad: BadImage[],
): Promise<SheetRow[]> {
  return source.kind === "indexed"
    ? await spreadRows(source, options, bad)
    : await firstRows(source, options, bad);
}

/** One image of each of `count` equal parts of the source, drawn by the seed. */
async function spreadRows(
  source: IndexedSource,
  { count, ...options }: PreviewOptions,
  bad: BadImage[],
): Promise<SheetRow[]> {
  const { length } = source, rows: SheetRow[] = [], parts = Math.min(count, length);
  for (let part = 0; part < parts; part++) {
    const first = Math.floor(part * length / parts), end = Math.floor((part + 1) * length / parts);
    // Equal steps might always hit the same class.
    const start = keyedRandom(options.seed, part).integer(end - first);
    for (let attempt = 0; attempt < Math.min(end - first, MAX_TRIES); attempt++) {
      const place = first + (start + attempt) % (end - first);
      try {
        rows.push(await rowOf(await source.read(place), options));
        break;
      } catch (error) {
        if (error instanceof MachineError) throw error;
        bad.push({ index: numberIn(source, place), key: source.key(place), ...rejectionOf(error) });
      }
    }
  }
  return rows;
}

/** The first good images of a streamed source. */
async function firstRows(
  source: ImageSource,
  { count, ...options }: PreviewOptions,
  bad: BadImage[],
): Promise<SheetRow[]> {
  const rows: SheetRow[] = [];
  const samples = readSamples(source, { seed: null }).getReader();
  using _ = onAbort(options.signal, () => samples.cancel());
  while (rows.length < count && bad.length < count * MAX_TRIES) {
    const { value: sample } = await samples.read();
    if (!sample) break;
    const { index, key, failure } = sample;
    try {
      if (failure) throw new Error(failure);
      rows.push(await rowOf(sample, options));
    } catch (error) {
      if (error instanceof MachineError) throw error;
      bad.push({ index, key, ...rejectionOf(error) });
    }
  }
  await samples.cancel();
  return rows;
}

async function rowOf(
  { index, key, bytes }: { index: number; key: string; bytes: Uint8Array },
  { recipe, size, seed, decodeSize = defaultDecodeSize(recipe, size), minSide }: Omit<
    PreviewOptions,
    "count"
  >,
): Promise<SheetRow> {
  const image = await decodeForTraining(bytes, { recipe, decodeSize, minSide });
  const sizes = { width: image.width, height: image.height, size };
  const views = recipe.views.map((view, v) => {
    const parameters = drawView(view, sizes, keyedRandom(seed, 0, index, v));
    return { parameters, pixels: viewOf(image, parameters, size) };
  });
  return { index, key, image, views };
}

/** The view in 8 bits, before normalization. */
function viewOf(image: DecodedImage, parameters: ViewParameters, size: number): DecodedImage {
  const out = new Float32Array(size * size * VIEW_CHANNELS);
  applyView(image, parameters, { size, mean: [0, 0, 0], std: [1, 1, 1], out });
  const data = new Uint8Array(out.length);
  for (let i = 0; i < out.length; i++) data[i] = Math.round(255 * out[i]);
  return { width: size, height: size, data };
}
