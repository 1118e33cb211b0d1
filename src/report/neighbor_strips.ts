/**
 * Held-out images with their nearest neighbors, as a picture.
 *
 * @module
 */
import type { DecodedImage } from "../../data/views/resize.ts";
import { Canvas, CHARACTER } from "../plots/canvas.ts";
import { sheetColors } from "../plots/colors.ts";
import { neighborStrips } from "./neighbors.ts";
import type { ObservedEvaluation, Thumbnail } from "./observer.ts";

const PAD = 8, LINE = CHARACTER.height + 2;
/** Small pictures are enlarged by a whole factor to about this side. */
const CELL = 64;

/** Draws a strip per image as a PNG file: the image, and to the right its neighbors with their cosines. */
export function drawNeighborStrips(
  { step, heldOut, images }: Pick<ObservedEvaluation, "step" | "heldOut" | "images">,
): Uint8Array<ArrayBuffer> {
  const strips = neighborStrips(heldOut), most = Math.max(...strips.map(({ nearest }) => nearest.length));
  const { side } = images[0].thumbnail, scale = Math.max(1, Math.round(CELL / side)), cell = side * scale;
  const column = Math.max(cell, 4 * CHARACTER.width) + PAD, row = cell + LINE + PAD;
  const title = `nearest, step ${step}`, left = (c: number) => PAD + c * column + (c > 0 ? 2 * PAD : 0);
  const width = Math.max(left(most + 1), left(1) + title.length * CHARACTER.width + PAD);
  const canvas = new Canvas(width, 2 * PAD + LINE + strips.length * row), { ink, faint } = sheetColors;
  canvas.text(title, { top: PAD, left: left(1) }, ink);
  strips.forEach(({ image, nearest, cosines }, s) => {
    const top = PAD + LINE + s * row;
    [image, ...nearest].forEach((of, c) => {
      canvas.image(imageOf(images[of].thumbnail), { top, left: left(c), scale });
      if (c > 0) canvas.text(cosines[c - 1].toFixed(2), { top: top + cell + 2, left: left(c) }, faint);
    });
  });
  return canvas.png();
}

/** A picture as canvases take it. */
function imageOf({ side, pixels }: Thumbnail): DecodedImage {
  const data = new Uint8Array(side * side * 4).fill(255);
  for (let i = 0; i < side * side; i++) data.set(pixels.subarray(3 * i, 3 * i + 3), 4 * i);
  return { width: side, height: side, data };
}
