/**
 * Crops and resizes with an antialiased bicubic filter, bit for bit as Pillow's `Image.crop(box).resize(size, BICUBIC)` on
 * 8-bit RGB (libImaging/Resample.c).
 *
 * Like Pillow, it takes two passes, horizontal then vertical, each with fixed-point weights of 22 fractional bits and results
 * rounded and clamped to 8 bits. When shrinking, the filter is stretched by the scale.
 *
 * @module
 */
import type { Box } from "./draw.ts";

/** A decoded image. */
export interface DecodedImage {
  /** Columns. */
  width: number;
  /** Rows. */
  height: number;
  /** [height, width, 4]: 8-bit red, green and blue, and 255. */
  data: Uint8Array<ArrayBuffer>;
  /** What looks wrong about it although it can be decoded, in words. */
  note?: string;
}

/** 32 bits minus 8 of the pixel and 2 of headroom, as the negative lobes overshoot. */
export const PRECISION_BITS = 32 - 8 - 2;

/** Radius of the bicubic kernel, in pixels of the coarser side. */
const RADIUS = 2;

/**
 * The weights of one axis: output pixel o is the sum over k < kernelSize of weights[o·kernelSize + k] · input[from + first[o] + k].
 * Weights are 0 from count[o] on, where the input may end.
 */
export interface Axis {
  kernelSize: number;
  /** The first input pixel that is needed. */
  from: number;
  /** Input pixels needed from there on. */
  length: number;
  first: Int32Array;
  count: Int32Array;
  weights: Int32Array;
  /** `first` and then `weights` in one array, as the GPU kernels read them. */
  words: Int32Array;
}

/** Crops of small images repeat a few lengths, whose weights are cached; those of large images do not. */
const CACHED_LENGTH = 64;
const cache = new Map<number, Axis>();

/** Holds the rows between the two passes. The buffer grows to the largest view and is reused. */
let rows = new Uint8ClampedArray(0);

/**
 * Resizes the part `crop` of `image` to `resized.width` × `resized.height`, and writes the `width` × `height` pixels at
 * (`resized.top`, `resized.left`) of the result to `out`, [height, width, 4], with 255 as the fourth values. Computes only what
 * these pixels need.
 */
export function resizeCrop(
  image: DecodedImage,
  { crop, resized, width, height, out }: {
    crop: Box;
    resized: Box;
    width: number;
    height: number;
    out: Uint8Array | Uint8ClampedArray;
  },
): void {
  const across = resizeAxis(crop.width, { length: resized.width, start: resized.left, size: width });
  const down = resizeAxis(crop.height, { length: resized.height, start: resized.top, size: height });
  const rowCount = down.length;
  const rowLength = 4 * width;
  if (rows.length < rowCount * rowLength) rows = new Uint8ClampedArray(rowCount * rowLength);

  const half = 1 << (PRECISION_BITS - 1);
  for (let y = 0; y < rowCount; y++) {
    const start = ((crop.top + down.from + y) * image.width + crop.left) * 4;
    resizeLine(image.data, { start, axis: across, out: rows, at: y * rowLength });
  }
  for (let y = 0, o = 0; y < height; y++) {
    const base = y * down.kernelSize, end = base + down.count[y];
    const column = down.first[y] * rowLength;
    for (let x = 0; x < rowLength; x += 4, o += 4) {
      let r = half, g = half, b = half;
      for (let k = base, i = column + x; k < end; k++, i += rowLength) {
        const weight = down.weights[k];
        r = (r + Math.imul(rows[i], weight)) | 0;
        g = (g + Math.imul(rows[i + 1], weight)) | 0;
        b = (b + Math.imul(rows[i + 2], weight)) | 0;
      }
      out[o] = clampByte(r >> PRECISION_BITS);
      out[o + 1] = clampByte(g >> PRECISION_BITS);
      out[o + 2] = clampByte(b >> PRECISION_BITS);
      out[o + 3] = 255;
    }
  }
}

/** Resizes the pixels from `data[start]` on along `axis`, and writes their colors from `out[at]` on. */
export function resizeLine(
  data: Uint8Array | Uint8ClampedArray,
  { start, axis, out, at }: { start: number; axis: Axis; out: Uint8ClampedArray; at: number },
): void {
  const { kernelSize, from, first, count, weights } = axis, half = 1 << (PRECISION_BITS - 1);
  for (let x = 0, o = at; x < first.length; x++, o += 4) {
    let r = half, g = half, b = half;
    let i = start + 4 * (from + first[x]);
    const base = x * kernelSize, end = base + count[x];
    for (let k = base; k < end; k++, i += 4) {
      const weight = weights[k];
      r = (r + Math.imul(data[i], weight)) | 0;
      g = (g + Math.imul(data[i + 1], weight)) | 0;
      b = (b + Math.imul(data[i + 2], weight)) | 0;
    }
    out[o] = r >> PRECISION_BITS;
    out[o + 1] = g >> PRECISION_BITS;
    out[o + 2] = b >> PRECISION_BITS;
  }
}

function clampByte(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

/** `image` shrunk to a short side of `shortSide` pixels; unchanged if it is not larger. */
export function shrinkImage(image: DecodedImage, shortSide: number): DecodedImage {
  if (Math.min(image.width, image.height) <= shortSide) return image;
  return resizeImage(image, shrunkSize(image, shortSide));
}

/** The whole of `image`, resized to `width` × `height`. */
export function resizeImage(
  image: DecodedImage,
  { width, height }: { width: number; height: number },
): DecodedImage {
  const data = new Uint8Array(width * height * 4);
  resizeCrop(image, {
    crop: { top: 0, left: 0, width: image.width, height: image.height },
    resized: { top: 0, left: 0, width, height },
    width,
    height,
    out: data,
  });
  return { width, height, data };
}

/** The size with a short side of `shortSide` pixels. */
export function shrunkSize(
  { width, height }: { width: number; height: number },
  shortSide: number,
): { width: number; height: number } {
  const short = Math.min(width, height);
  const scaled = (side: number) =>
    side === short ? shortSide : Math.max(1, Math.round(side * shortSide / short));
  return { width: scaled(width), height: scaled(height) };
}

/** The weights that resize `input` pixels to `length` and give the pixels `start` … `start + size − 1` of these. */
export function resizeAxis(
  input: number,
  { length, start, size }: { length: number; start: number; size: number },
): Axis {
  // Only evaluation views ask for a part of the resized axis.
  if (input > CACHED_LENGTH || size > CACHED_LENGTH || start !== 0 || length !== size) {
    return computeAxis(input, { length, start, size });
  }
  const key = input * (CACHED_LENGTH + 1) + size;
  let found = cache.get(key);
  if (!found) cache.set(key, found = computeAxis(input, { length, start, size }));
  return found;
}

/** Pillow's precompute_coeffs and normalize_coeffs_8bpc. */
function computeAxis(
  input: number,
  { length, start, size }: { length: number; start: number; size: number },
): Axis {
  const scale = input / length;
  const stretch = Math.max(1, scale);
  const support = RADIUS * stretch;
  const begins = new Int32Array(size), count = new Int32Array(size);
  let kernelSize = 0;
  for (let o = 0; o < size; o++) {
    const center = (start + o + .5) * scale;
    begins[o] = Math.max(0, Math.trunc(center - support + .5));
    count[o] = Math.min(input, Math.trunc(center + support + .5)) - begins[o];
    kernelSize = Math.max(kernelSize, count[o]);
  }
  const from = begins[0], words = new Int32Array(size * (1 + kernelSize));
  const first = words.subarray(0, size), weights = words.subarray(size);
  for (let o = 0; o < size; o++) first[o] = begins[o] - from;
  const exact = new Float64Array(kernelSize);
  for (let o = 0; o < size; o++) {
    const center = (start + o + .5) * scale;
    let sum = 0;
    for (let k = 0; k < count[o]; k++) {
      exact[k] = bicubic((k + begins[o] - center + .5) * (1 / stretch));
      sum += exact[k];
    }
    for (let k = 0; k < count[o]; k++) {
      const weight = exact[k] / sum * (1 << PRECISION_BITS);
      weights[o * kernelSize + k] = Math.trunc(weight < 0 ? weight - .5 : weight + .5);
    }
  }
  return { kernelSize, from, length: first[size - 1] + count[size - 1], first, count, weights, words };
}

/** Keys' cubic convolution kernel with a = −1/2. */
function bicubic(x: number): number {
  const a = -.5;
  x = Math.abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}
