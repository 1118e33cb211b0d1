/**
 * A sheet of views with what was drawn for them: to see what a recipe does before a network learns from it.
 *
 * @module
 */
import { decodeUsable } from "../../data/decode_usable.ts";
import type { BadImage } from "../../data/pipeline.ts";
import { readSamples } from "../../data/read.ts";
import type { ImageSource, IndexedSource } from "../../data/sources/types.ts";
import { applyView, VIEW_CHANNELS } from "../../data/views/apply.ts";
import { type Box, drawView, jitterOperations, type ViewParameters } from "../../data/views/draw.ts";
import { defaultDecodeSize, type Recipe } from "../../data/views/recipe.ts";
import { type DecodedImage, resizeCrop } from "../../data/views/resize.ts";
import { Canvas, CHARACTER, type Color } from "./canvas.ts";
import { MachineError, messageOf, UserError } from "../base/errors.ts";
import { onAbort } from "../base/on_abort.ts";
import { keyedRandom } from "../base/random.ts";

/** What a sheet shows. */
export interface PreviewOptions {
  recipe: Recipe;
  /** Side of the views, pixels. */
  size: number;
  /** How many images, spread over the source. */
  count: number;
  /** Of the run: its first epoch has these views. */
  seed: number;
  /** Images are taken from the first so many of the source, if it can be read in any order; as a rule from all. */
  limit?: number;
  /** Larger images are shrunk to this short side, as the run has it. */
  decodeSize?: number;
  /** Ends the reading by its reason when aborted. */
  signal?: AbortSignal;
  /** Is told of images that cannot be used. They are named on the sheet too. */
  onBad?(bad: BadImage): void;
}

/** An image with its views as training has them, but for the normalization. */
interface Row {
  index: number;
  key: string;
  image: DecodedImage;
  views: { parameters: ViewParameters; pixels: DecodedImage }[];
}

/** Bad images in a row after which the next part of the source is tried. */
const TRIES = 8;
/** So many bad images are named on the sheet. */
const NAMED = 5;

const PAD = 16;
/** From line to line of text. */
const LINE = CHARACTER.height + 2;
/** Characters beside a view: as many as its longest line may have. */
const COLUMNS = 22;
/** Lines beside a view: as many as there may be. */
const LINES = 10;
/** Small views are enlarged to about this many pixels. */
const CELL = 192;

const ink: Color = [30, 30, 30], faint: Color = [175, 175, 175], red: Color = [190, 0, 0];
/** Of the two views: their headings, and their crops on the original. */
const colors: readonly Color[] = [[220, 100, 0], [0, 100, 220]];

/**
 * Draws the views that the first epoch of a run makes of some images of `source`, with their parameters, and returns
 * the PNG file. Of each image it shows the original with the two crops, and both views before normalization.
 *
 * @throws {UserError} if there is no image that can be used.
 *
 * @example
 * ```ts
 * import { openSource } from "../../data/sources/open.ts";
 * import { recipes } from "../../data/views/recipe.ts";
 * import { previewSheet } from "./view_sheet.ts";
 *
 * const source = await openSource("shapes:20");
 * const png = await previewSheet(source, { recipe: recipes.shapes, size: 32, count: 4, seed: 0 });
 * console.log(png.length > 1000); // true
 * ```
 */
export async function previewSheet(
  source: ImageSource,
  options: PreviewOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const bad: BadImage[] = [];
  const rows = await rowsOf(source, options, bad);
  options.signal?.throwIfAborted();
  bad.forEach((image) => options.onBad?.(image));
  if (rows.length === 0) {
    const [{ key, reason }] = bad;
    throw new UserError(
      `Cannot preview ${source.name} as it must have an image that can be used: ${key} is none: ${reason}.`,
    );
  }
  const scale = scaleOf(options.size), layout = previewLayout(options.size);
  const { cell, lefts, width } = layout;
  const named = bad.slice(0, NAMED);
  const canvas = new Canvas(width, layout.top(rows.length) + (2 + named.length) * LINE + PAD);
  const { recipe: { name }, size, seed } = options;
  const heading = `${name}, ${size} px, seed ${seed}, epoch 0: `;
  const room = Math.floor((width - 2 * PAD) / CHARACTER.width);
  const line = (text: string, top: number, color: Color) =>
    canvas.text(shorten(text, room), { top, left: PAD }, color);
  line(heading + shorten(source.name, room - heading.length), PAD, ink);
  canvas.text("original", { top: PAD + 2 * LINE, left: PAD }, ink);
  lefts.forEach((left, v) => canvas.text(`view ${v + 1}`, { top: PAD + 2 * LINE, left }, colors[v]));

  rows.forEach(({ index, key, image, views }, r) => {
    const top = layout.top(r);
    line(`${index}  ${key}  ${image.width}x${image.height}`, top - LINE, ink);
    const fit = drawFitting(canvas, image, { top, left: PAD, cell });
    views.forEach(({ parameters, pixels }, v) => {
      canvas.outline(placed(shownPart(parameters, size), fit, { top, left: PAD }), colors[v]);
      canvas.image(pixels, { top, left: lefts[v], scale });
      describe(parameters, image).forEach(({ text, applies }, l) => {
        const left = lefts[v] + cell + CHARACTER.width;
        canvas.text(text, { top: top + l * LINE, left }, applies ? ink : faint);
      });
    });
  });
  const end = layout.top(rows.length) - LINE;
  line("Crops: width x height = share of the area, at left, top. Outlined on the original.", end, faint);
  line("Operations apply from top to bottom; those in this color do not.", end + LINE, faint);
  named.forEach(({ key, reason }, i) => line(`Skipped ${key}: ${reason}`, end + (2 + i) * LINE, red));
  return canvas.png();
}

const scaleOf = (size: number) => Math.max(1, Math.round(CELL / size));

/** Where things are on a sheet of views of `size` pixels: for its drawing and its tests. */
export function previewLayout(
  size: number,
): { cell: number; lefts: number[]; width: number; top(row: number): number } {
  const cell = size * scaleOf(size);
  const beside = CHARACTER.width * (COLUMNS + 1);
  const lefts = [0, 1].map((v) => PAD + cell + PAD + v * (cell + beside + PAD));
  const height = Math.max(cell, LINES * LINE) + 2 * LINE;
  return {
    /** Side of an enlarged view. */
    cell,
    /** Left edges of the two views. */
    lefts,
    width: lefts[1] + cell + beside + PAD,
    /** Top edge of the views of a row. */
    top: (row) => PAD + 5 * LINE + row * height,
  };
}

/** The images of the sheet. */
async function rowsOf(source: ImageSource, options: PreviewOptions, bad: BadImage[]): Promise<Row[]> {
  return source.kind === "indexed"
    ? await spreadRows(source, options, bad)
    : await firstRows(source, options, bad);
}

/** One image of each of `count` equal parts of the source, at a place drawn by the seed. */
async function spreadRows(
  source: IndexedSource,
  { count, limit = source.length, ...options }: PreviewOptions,
  bad: BadImage[],
): Promise<Row[]> {
  const rows: Row[] = [], parts = Math.min(count, limit);
  for (let part = 0; part < parts; part++) {
    const first = Math.floor(part * limit / parts), end = Math.floor((part + 1) * limit / parts);
    // Equal steps could meet the same class all the time.
    const start = keyedRandom(options.seed, part).integer(end - first);
    for (let attempt = 0; attempt < Math.min(end - first, TRIES); attempt++) {
      const index = first + (start + attempt) % (end - first);
      try {
        rows.push(await rowOf(await source.read(index), options));
        break;
      } catch (error) {
        if (error instanceof MachineError) throw error;
        bad.push({ index, key: source.key(index), reason: messageOf(error) });
      }
    }
  }
  return rows;
}

/** The first good images of a source that cannot be read in any order. */
async function firstRows(
  source: ImageSource,
  { count, ...options }: PreviewOptions,
  bad: BadImage[],
): Promise<Row[]> {
  const rows: Row[] = [];
  const samples = readSamples(source, { seed: null, first: 0, limit: null }).getReader();
  using _ = onAbort(options.signal, () => samples.cancel());
  while (rows.length < count && bad.length < count * TRIES) {
    const { value: sample } = await samples.read();
    if (!sample) break;
    const { index, key, failure } = sample;
    try {
      if (failure) throw new Error(failure);
      rows.push(await rowOf(sample, options));
    } catch (error) {
      if (error instanceof MachineError) throw error;
      bad.push({ index, key, reason: messageOf(error) });
    }
  }
  await samples.cancel();
  return rows;
}

async function rowOf(
  { index, key, bytes }: { index: number; key: string; bytes: Uint8Array },
  { recipe, size, seed, decodeSize = defaultDecodeSize(recipe, size) }: Omit<PreviewOptions, "count">,
): Promise<Row> {
  const image = await decodeUsable(bytes, { size, decodeSize });
  const sizes = { width: image.width, height: image.height, size };
  const views = recipe.views.map((view, v) => {
    const parameters = drawView(view, sizes, keyedRandom(seed, 0, index, v));
    return { parameters, pixels: viewOf(image, parameters, size) };
  });
  return { index, key, image, views };
}

/** The view in 8 bits, as it is before it is normalized. */
function viewOf(image: DecodedImage, parameters: ViewParameters, size: number): DecodedImage {
  const out = new Float32Array(size * size * VIEW_CHANNELS);
  applyView(image, parameters, { size, mean: [0, 0, 0], std: [1, 1, 1], out });
  const data = new Uint8Array(out.length);
  for (let i = 0; i < out.length; i++) data[i] = Math.round(255 * out[i]);
  return { width: size, height: size, data };
}

/** What an image and its place have been multiplied by. */
interface Fit {
  x: number;
  y: number;
}

/** Draws `image` as large as it fits the square of side `cell`, enlarged by a whole factor. */
function drawFitting(
  canvas: Canvas,
  image: DecodedImage,
  { top, left, cell }: { top: number; left: number; cell: number },
): Fit {
  const long = Math.max(image.width, image.height);
  if (long <= cell) {
    const scale = Math.floor(cell / long);
    canvas.image(image, { top, left, scale });
    return { x: scale, y: scale };
  }
  const [width, height] = [image.width, image.height].map((side) =>
    Math.max(1, Math.round(side * cell / long))
  );
  const small = { width, height, data: new Uint8Array(width * height * 4) };
  resizeCrop(image, {
    crop: { top: 0, left: 0, width: image.width, height: image.height },
    resized: { top: 0, left: 0, width, height },
    width,
    height,
    out: small.data,
  });
  canvas.image(small, { top, left, scale: 1 });
  return { x: width / image.width, y: height / image.height };
}

/** The part of the image that the view of `size` pixels shows. */
function shownPart({ crop, resized }: ViewParameters, size: number): Box {
  if (!resized) return crop;
  const x = crop.width / resized.width, y = crop.height / resized.height;
  return {
    top: crop.top + resized.top * y,
    left: crop.left + resized.left * x,
    height: size * y,
    width: size * x,
  };
}

/** `box` of the image where the image stands on the canvas, in whole pixels. */
function placed(box: Box, { x, y }: Fit, { top, left }: { top: number; left: number }): Box {
  const from = { top: Math.round(box.top * y), left: Math.round(box.left * x) };
  return {
    top: top + from.top,
    left: left + from.left,
    height: Math.round((box.top + box.height) * y) - from.top,
    width: Math.round((box.left + box.width) * x) - from.left,
  };
}

/** The parameters in words, in the order in which they apply. */
function describe(
  { crop, resized, flip, jitter, grayscale, blur, solarize }: ViewParameters,
  { width, height }: DecodedImage,
): { text: string; applies: boolean }[] {
  const share = Math.round(100 * crop.width * crop.height / (width * height));
  const no = (name: string) => ({ text: `no ${name}`, applies: false });
  const yes = (text: string) => ({ text, applies: true });
  return [
    ...(resized
      ? [yes(`resize ${resized.width}x${resized.height}`), yes("middle square")]
      : [yes(`crop ${crop.width}x${crop.height} = ${share} %`), yes(`  at ${crop.left}, ${crop.top}`)]),
    flip ? yes("flip") : no("flip"),
    ...(jitter
      ? jitter.order.map((operation) => {
        const name = jitterOperations[operation], value = jitter[name];
        return yes(
          name === "hue"
            ? `hue ${value < 0 ? "-" : "+"}${Math.abs(value).toFixed(3)} turns`
            : `${name} x ${value.toFixed(2)}`,
        );
      })
      : [no("jitter")]),
    grayscale ? yes("gray") : no("gray"),
    blur ? yes(`blur ${blur.sigma.toFixed(2)} px, kernel of ${blur.kernelSize} px`) : no("blur"),
    solarize ? yes(`solarize from ${solarize.threshold}`) : no("solarize"),
  ];
}

/** `text` in at most `length` characters: of what is longer, the beginning and the end. */
function shorten(text: string, length: number): string {
  if (text.length <= length) return text;
  const end = Math.floor((length - 3) / 2);
  return `${text.slice(0, length - 3 - end)}...${text.slice(text.length - end)}`;
}
