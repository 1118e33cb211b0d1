/**
 * A sheet of views with their parameters: shows what a recipe does before a network learns from it.
 *
 * @module
 */
import { markedPng } from "../../data/formats/png_mark.ts";
import type { BadImage } from "../../data/pipeline.ts";
import type { ImageSource } from "../../data/sources/types.ts";
import type { Box, ViewParameters } from "../../data/views/draw.ts";
import { type DecodedImage, resizeCrop } from "../../data/views/resize.ts";
import { UserError } from "../base/errors.ts";
import { Canvas, CHARACTER } from "./canvas.ts";
import { type Color, sheetColors } from "./colors.ts";
import { describeView } from "./describe_view.ts";
import { type PreviewOptions, readRows, type SheetRow } from "./sheet_rows.ts";

export type { PreviewOptions };

/** Bad images that are named on the sheet, at most. */
const MAX_NAMED = 5;

const PAD = 16;
/** Height of a line of text. */
const LINE = CHARACTER.height + 2;
/** Characters of a line beside a view, at most. */
const COLUMNS = 22;
/** Lines beside a view, at most. */
const LINES = 10;
/** Small views are enlarged to about this side in pixels. */
const CELL = 192;

const { ink, faint, red, views: colors } = sheetColors;

/**
 * Draws the views that the first epoch of a run makes of some images of `source`, with their parameters. For each image
 * it shows the original with the two crops outlined, and both views before normalization.
 *
 * @returns the PNG file.
 * @throws {UserError} if no image can be used.
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
  return (await drawnViews(source, options)).png;
}

/** The sheet of {@linkcode previewSheet}, with the images and views on it. */
export async function drawnViews(
  source: ImageSource,
  options: PreviewOptions,
): Promise<{ png: Uint8Array<ArrayBuffer>; rows: SheetRow[] }> {
  const bad: BadImage[] = [];
  const rows = await readRows(source, options, bad);
  options.signal?.throwIfAborted();
  bad.forEach((image) => options.onBad?.(image));
  if (rows.length === 0) {
    const [{ key, reason }] = bad;
    throw new UserError(
      `Cannot preview "${source.name}": none of its images can be used, such as ${key}: ${reason}. Name another source.`,
    );
  }
  return { png: drawSheet(rows, { ...options, name: source.name, bad: bad.slice(0, MAX_NAMED) }), rows };
}

function drawSheet(
  rows: readonly SheetRow[],
  { recipe, size, seed, name, bad }: PreviewOptions & { name: string; bad: readonly BadImage[] },
): Uint8Array<ArrayBuffer> {
  const layout = previewLayout(size), { lefts, width } = layout;
  const canvas = new Canvas(width, layout.top(rows.length) + (2 + bad.length) * LINE + PAD);
  const room = Math.floor((width - 2 * PAD) / CHARACTER.width);
  const line = (text: string, top: number, color: Color) =>
    canvas.text(shorten(text, room), { top, left: PAD }, color);
  const heading = `${recipe.name}, ${size} px, seed ${seed}, epoch 0: `;
  line(heading + shorten(name, room - heading.length), PAD, ink);
  canvas.text("original", { top: PAD + 2 * LINE, left: PAD }, ink);
  lefts.forEach((left, v) => canvas.text(`view ${v + 1}`, { top: PAD + 2 * LINE, left }, colors[v]));
  rows.forEach((row, r) => {
    const { index, key, image } = row, top = layout.top(r);
    line(`${index}  ${key}  ${image.width}x${image.height}`, top - LINE, ink);
    drawRow(canvas, row, { top, size });
  });
  const end = layout.top(rows.length) - LINE;
  line("Crops: width x height = share of the area, at left, top. Outlined on the original.", end, faint);
  line("Operations apply from top to bottom; those in this color do not.", end + LINE, faint);
  bad.forEach(({ key, reason }, i) => line(`Skipped ${key}: ${reason}`, end + (2 + i) * LINE, red));
  return markedPng(canvas.png());
}

/** Draws an image with its crops, and its views with their parameters. */
function drawRow(
  canvas: Canvas,
  { image, views }: SheetRow,
  { top, size }: { top: number; size: number },
): void {
  const { cell, lefts } = previewLayout(size);
  const fit = drawFitting(canvas, image, { top, left: PAD, cell });
  views.forEach(({ parameters, pixels }, v) => {
    canvas.outline(placed(shownPart(parameters, size), fit, { top, left: PAD }), colors[v]);
    canvas.image(pixels, { top, left: lefts[v], scale: scaleOf(size) });
    describeView(parameters, image).forEach(({ text, applies }, l) => {
      const left = lefts[v] + cell + CHARACTER.width;
      canvas.text(text, { top: top + l * LINE, left }, applies ? ink : faint);
    });
  });
}

const scaleOf = (size: number) => Math.max(1, Math.round(CELL / size));

/** The layout of a sheet of views of `size` pixels, in pixels. */
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

/** The factors by which an image was scaled. */
interface Fit {
  x: number;
  y: number;
}

/** Draws `image` into the square of side `cell`, shrunk or enlarged by a whole factor. */
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

/** The part of the image that a view of `size` pixels shows. */
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

/** The place of `box`, a part of the image, on the canvas, in whole pixels. */
function placed(box: Box, { x, y }: Fit, { top, left }: { top: number; left: number }): Box {
  const from = { top: Math.round(box.top * y), left: Math.round(box.left * x) };
  return {
    top: top + from.top,
    left: left + from.left,
    height: Math.round((box.top + box.height) * y) - from.top,
    width: Math.round((box.left + box.width) * x) - from.left,
  };
}

/** `text` in at most `length` characters: longer ones lose their middle. */
function shorten(text: string, length: number): string {
  if (text.length <= length) return text;
  const end = Math.floor((length - 3) / 2);
  return `${text.slice(0, length - 3 - end)}...${text.slice(text.length - end)}`;
}
