/**
 * The parameters of views as the kernels read them: words of 32 bits.
 *
 * A record holds a view: a header, the weights of both axes of the resize as integers with 22 fractional bits, and those
 * of the blur. The weights are computed here, in float64 as Pillow does, so that the kernels' pixels are Pillow's.
 *
 * @module
 */
import { blurWeights } from "./blur.ts";
import type { ViewParameters } from "./draw.ts";
import { resizeAxis } from "./resize.ts";

/** A decoded image, and what its views are to be. */
export interface PackedImage {
  /** [height, width, 4] */
  pixels: Uint8Array<ArrayBuffer>;
  /** The records of its views, one after the other, as {@linkcode packView} makes them. */
  records: Int32Array;
}

/**
 * The words of a header, by their place. The colour operations in their order are three blends, the hue, and three blends:
 * `blends` are the factors, `kinds` two bits for each, and what is not applied has factor 1.
 */
export const header = {
  words: 0,
  pixelsAt: 1,
  width: 2,
  rowsAt: 3,
  rowCount: 4,
  tapsAcross: 5,
  tapsDown: 6,
  flip: 7,
  blends: 8,
  kinds: 14,
  hue: 15,
  grayscale: 16,
  blurTaps: 17,
  solarize: 18,
  threshold: 19,
} as const;

/** How many times as long as `--decode-size` the long side of an image may be. */
export const MOST_OBLONG = 16;

/** The length of a header. */
export const HEADER_WORDS = 20;

/** The most words that the record of a view can take whose crop has sides of up to `long` and `short` pixels. */
export function recordWords({ size, long, short, taps }: {
  size: number;
  long: number;
  short: number;
  /** Of the blur. */
  taps: number;
}): number {
  const axis = (side: number) => size * (2 + 2 * Math.ceil(2 * Math.max(1, side / size)));
  return HEADER_WORDS + axis(long) + axis(short) + taps;
}

/**
 * The record of one view of `size` × `size` pixels, from an image of `width` pixels a row. `pixelsAt` counts the pixels
 * from the image's first, and `rowsAt` is 0: whoever puts records together adds where the image and its rows begin.
 */
export function packView(
  { crop, resized, flip, jitter, grayscale, blur, solarize }: ViewParameters,
  { width, size }: { width: number; size: number },
): Int32Array {
  const place = resized ?? { top: 0, left: 0, height: size, width: size };
  const across = resizeAxis(crop.width, { length: place.width, start: place.left, size });
  const down = resizeAxis(crop.height, { length: place.height, start: place.top, size });
  const taps = blur?.taps ?? 0;
  const words = HEADER_WORDS + size * (2 + across.taps + down.taps) + taps;
  const record = new Int32Array(words), reals = new Float32Array(record.buffer);
  const firstRow = down.first[0];
  record[header.words] = words;
  record[header.pixelsAt] = (crop.top + firstRow) * width + crop.left;
  record[header.width] = width;
  record[header.rowCount] = down.first[size - 1] + down.count[size - 1] - firstRow;
  record[header.tapsAcross] = across.taps;
  record[header.tapsDown] = down.taps;
  record[header.flip] = Number(flip);
  packJitter(jitter, { record, reals });
  record[header.grayscale] = Number(grayscale);
  record[header.blurTaps] = taps;
  record[header.solarize] = Number(solarize !== null);
  reals[header.threshold] = solarize?.threshold ?? 0;

  let at = HEADER_WORDS;
  record.set(across.first, at);
  record.set(across.weights, at += size);
  at += across.weights.length;
  for (let o = 0; o < size; o++) record[at + o] = down.first[o] - firstRow;
  record.set(down.weights, at += size);
  if (blur) reals.set(blurWeights(blur), at + down.weights.length);
  return record;
}

/** Brightness, contrast and saturation, as torchvision numbers them, are blends with black, the mean grey and the grey. */
function packJitter(
  jitter: ViewParameters["jitter"],
  { record, reals }: { record: Int32Array; reals: Float32Array },
): void {
  reals.fill(1, header.blends, header.kinds);
  if (!jitter) return;
  const { order, hue } = jitter, turn = order.indexOf(3);
  const factors = [jitter.brightness, jitter.contrast, jitter.saturation];
  order.forEach((operation, k) => {
    if (k === turn) return;
    const slot = k < turn ? k : k + 2; // those after the hue begin at 3
    reals[header.blends + slot] = factors[operation];
    record[header.kinds] |= operation << 2 * slot;
  });
  reals[header.hue] = hue;
}
