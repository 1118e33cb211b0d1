/**
 * Shrinks an image that arrives row by row, to the same pixels as when it is decoded whole, turned upright and shrunk.
 *
 * @module
 */
import type { Rows } from "./formats/format.ts";
import { turnOf } from "./formats/orientation.ts";
import {
  type Axis,
  type DecodedImage,
  PRECISION_BITS,
  resizeAxis,
  resizeLine,
  shrunkSize,
} from "./views/resize.ts";

/**
 * Takes opaque `rows` of an image of `width` × `height` pixels as they are stored, and gives the upright image with a short
 * side of `shortSide` pixels. Holds the result and some four rows for each of its own rows that are incomplete.
 */
export async function shrinkRows(
  rows: Rows,
  { width, height, orientation, shortSide }: {
    width: number;
    height: number;
    orientation?: number;
    shortSide: number;
  },
): Promise<DecodedImage> {
  const { fromRight, fromBottom, isTransposed } = turnOf(orientation);
  const size = shrunkSize(isTransposed ? { width: height, height: width } : { width, height }, shortSide);
  // Upright rows are resized first, then columns. If they are transposed, the first pass goes across the stored rows.
  const within = wholeAxis(width, isTransposed ? size.height : size.width);
  const across = wholeAxis(height, isTransposed ? size.width : size.height);
  const line = new Uint8ClampedArray(4 * within.first.length).fill(255);
  const resized = (pixels: Uint8Array | Uint8ClampedArray) => {
    resizeLine(pixels, { start: 0, axis: within, out: line, at: 0 });
    return line;
  };
  const data = new Uint8Array(4 * size.width * size.height), words = new Uint32Array(data.buffer);
  const sums = new LineSums(across, isTransposed ? 4 * width : line.length);
  let y = 0;
  for await (const row of rows) {
    if (fromRight) new Uint32Array(row.buffer, row.byteOffset, width).reverse();
    const position = fromBottom ? height - 1 - y : y;
    for (const [o, pixels] of sums.add(isTransposed ? row : resized(row), position)) {
      if (!isTransposed) data.set(pixels, o * pixels.length);
      else {
        resized(pixels);
        new Uint32Array(line.buffer).forEach((pixel, i) => words[i * size.width + o] = pixel);
      }
    }
    y++;
  }
  return { ...size, data };
}

function wholeAxis(input: number, length: number): Axis {
  return resizeAxis(input, { length, start: 0, size: length });
}

/** Resizes across lines that arrive in order, from either end. */
class LineSums {
  #axis: Axis;
  #length: number;
  /** The sums of lines of the result that are not complete, and how many lines they lack. */
  #open = new Map<number, { sums: Int32Array; lacks: number }>();
  #free: Int32Array[] = [];
  #line: Uint8ClampedArray;

  /** For lines of `length` bytes. */
  constructor(axis: Axis, length: number) {
    this.#axis = axis;
    this.#length = length;
    this.#line = new Uint8ClampedArray(length).fill(255);
  }

  /** Adds `line`, which lies at `position`; gives the numbers of the lines that it completes, and their pixels. */
  *add(line: Uint8Array | Uint8ClampedArray, position: number): Generator<[number, Uint8ClampedArray]> {
    const { from, first, count, weights, kernelSize } = this.#axis;
    for (let o = this.#firstFor(position); o < first.length && from + first[o] <= position; o++) {
      const k = position - from - first[o];
      if (k >= count[o]) continue;
      const open = this.#open.get(o) ?? { sums: this.#start(), lacks: count[o] };
      this.#open.set(o, open);
      const { sums } = open, weight = weights[o * kernelSize + k];
      for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] + Math.imul(line[i], weight)) | 0;
      if (--open.lacks > 0) continue;
      this.#open.delete(o);
      this.#free.push(sums);
      // The fourth values stay 255.
      for (let i = 0; i < sums.length; i++) if ((i & 3) < 3) this.#line[i] = sums[i] >> PRECISION_BITS;
      yield [o, this.#line];
    }
  }

  /** The first line of the result that needs the line at `position`, or one before it. */
  #firstFor(position: number): number {
    const { from, first, count } = this.#axis;
    let low = 0, high = first.length;
    while (low < high) {
      const middle = low + high >> 1;
      if (from + first[middle] + count[middle] <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #start(): Int32Array {
    return (this.#free.pop() ?? new Int32Array(this.#length)).fill(1 << (PRECISION_BITS - 1));
  }
}
