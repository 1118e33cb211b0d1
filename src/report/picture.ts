/**
 * Pictures of several images, as JPEG files.
 *
 * @module
 */
import { type DecodedImage, resizeCrop } from "../../data/views/resize.ts";
import type { SheetRow } from "../plots/sheet_rows.ts";
import type { Thumbnail } from "./observer.ts";

/** Progressive pictures would be a little smaller, and take twice as long. */
const JPEG = { quality: 80, progressive: false, optimize_coding: true } as const;

async function encode(image: DecodedImage): Promise<Uint8Array> {
  const { default: encodeJpeg } = await import("npm:@jsquash/jpeg@1.6.0/encode.js");
  const data = new Uint8ClampedArray(image.data.buffer as ArrayBuffer, 0, image.data.length);
  return new Uint8Array(await encodeJpeg({ ...image, data, colorSpace: "srgb" } as ImageData, JPEG));
}

/** A gray picture of `rows` rows of `columns` squares. */
function blank({ side, columns, rows }: { side: number; columns: number; rows: number }): DecodedImage {
  const width = side * columns, height = side * rows;
  return { width, height, data: new Uint8Array(width * height * 4).fill(128) };
}

/** The thumbnails side by side in rows of `columns`. */
export async function thumbnailSheet(thumbnails: readonly Thumbnail[], columns: number): Promise<Uint8Array> {
  const side = thumbnails[0].side,
    sheet = blank({ side, columns, rows: Math.ceil(thumbnails.length / columns) });
  thumbnails.forEach(({ pixels }, i) => {
    const left = (i % columns) * side, top = Math.floor(i / columns) * side;
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const at = ((top + y) * sheet.width + left + x) * 4, from = (y * side + x) * 3;
        sheet.data[at] = pixels[from];
        sheet.data[at + 1] = pixels[from + 1];
        sheet.data[at + 2] = pixels[from + 2];
      }
    }
  });
  return await encode(sheet);
}

/** The longest side of a view on a strip. */
const VIEW_SIDE = 96;

/** Training views: a column per image, with the image's center, its first and its second view from top to bottom. */
export async function viewStrip(rows: readonly SheetRow[]): Promise<Uint8Array> {
  const side = Math.min(VIEW_SIDE, rows[0].views[0].pixels.width);
  const strip = blank({ side, columns: rows.length, rows: 3 });
  rows.forEach(({ image, views }, column) => {
    [image, ...views.map(({ pixels }) => pixels)].forEach((picture, row) => {
      const { data } = squareOf(picture, side);
      for (let y = 0; y < side; y++) {
        const to = ((row * side + y) * strip.width + column * side) * 4;
        strip.data.set(data.subarray(y * side * 4, (y + 1) * side * 4), to);
      }
    });
  });
  return await encode(strip);
}

/** The center square of `image` with sides of `side` pixels. */
function squareOf(image: DecodedImage, side: number): DecodedImage {
  const { width, height } = image, short = Math.min(width, height), out = new Uint8Array(side * side * 4);
  resizeCrop(image, {
    crop: {
      top: Math.floor((height - short) / 2),
      left: Math.floor((width - short) / 2),
      width: short,
      height: short,
    },
    resized: { top: 0, left: 0, width: side, height: side },
    width: side,
    height: side,
    out,
  });
  return { width: side, height: side, data: out };
}
