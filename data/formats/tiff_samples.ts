/**
 * Copies the samples of a TIFF's strip or tile into the image.
 *
 * @module
 */
import { viewOf } from "./format.ts";
import type { Samples } from "./samples.ts";
import { type Layout, lineBytes, type Part } from "./tiff_layout.ts";

/** A copy of `bytes` with each sample added to that of the previous pixel, modulo its size. */
export function undoPredictor(bytes: Uint8Array, layout: Layout): Uint8Array {
  const line = lineBytes(layout), step = layout.planar ? 1 : layout.samples, little = layout.littleEndian;
  const out = bytes.slice(), view = viewOf(out), width = layout.bits / 8;
  for (let start = 0; start + line <= out.length; start += line) {
    if (layout.predictor === 3) addBytePlanes(out.subarray(start, start + line), { width, step, little });
    else if (width === 1) {
      for (let i = start + step; i < start + line; i++) out[i] += out[i - step];
    } else if (width === 2) {
      for (let i = start + 2 * step; i < start + line; i += 2) {
        view.setUint16(i, view.getUint16(i, little) + view.getUint16(i - 2 * step, little), little);
      }
    } else if (width === 4) {
      for (let i = start + 4 * step; i < start + line; i += 4) {
        view.setUint32(i, view.getUint32(i, little) + view.getUint32(i - 4 * step, little), little);
      }
    } else {
      for (let i = start + 8 * step; i < start + line; i += 8) {
        view.setBigUint64(i, view.getBigUint64(i, little) + view.getBigUint64(i - 8 * step, little), little);
      }
    }
  }
  return out;
}

/** The floating-point predictor: differences of bytes, those of the highest order first (Adobe's TIFF Technical Note 3). */
function addBytePlanes(
  line: Uint8Array,
  { width, step, little }: { width: number; step: number; little: boolean },
): void {
  for (let i = step; i < line.length; i++) line[i] += line[i - step];
  const planes = line.slice(), count = line.length / width;
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < width; k++) line[width * i + (little ? width - 1 - k : k)] = planes[k * count + i];
  }
}

/** The samples of a strip or tile, in lines of whole bytes. */
export interface PartSamples {
  bytes: Uint8Array | Uint8ClampedArray;
  /** Bytes per line. */
  line: number;
  /** Bits per sample. */
  bits: number;
  /** Samples per pixel. */
  step: number;
  /** Samples per pixel that are copied. */
  kept: number;
}

/** Where samples are copied to. */
export interface Target {
  data: Samples;
  /** Samples per pixel. */
  channels: number;
}

/** The pixels of `part` within the image, and its channels that are kept. */
function extent(layout: Layout, part: Part, { channels, kept }: { channels: number; kept: number }) {
  return {
    kept: Math.min(kept, channels - part.plane),
    columns: Math.min(layout.part.width, layout.width - part.left),
    rows: Math.min(part.rows, layout.height - part.top),
    start: channels * (part.top * layout.width + part.left) + part.plane,
  };
}

/**
 * Writes unsigned samples of at most 16 bits into `target`, whose samples are bytes: the high byte of more bits, fewer bits
 * scaled to 255 or, as indices of a palette, as they are.
 */
export function putBytes(
  target: Target,
  layout: Layout,
  { part, from }: { part: Part; from: PartSamples },
): void {
  const { bytes, line, bits, step } = from, { data, channels } = target;
  const { kept, columns, rows, start } = extent(layout, part, { channels, kept: from.kept });
  const highByte = layout.littleEndian ? 1 : 0;
  const scale = bits >= 8 || layout.photometric === 3 ? 1 : 255 / ((1 << bits) - 1);
  for (let y = 0; y < rows; y++) {
    const at = y * line;
    let o = start + channels * y * layout.width;
    for (let x = 0; x < columns; x++, o += channels) {
      for (let c = 0, i = x * step; c < kept; c++, i++) {
        if (bits === 8) data[o + c] = bytes[at + i];
        else if (bits === 16) data[o + c] = bytes[at + 2 * i + highByte];
        else {data[o + c] = bits > 8
            ? packed(bytes, at, { i, bits }) >> bits - 8
            : Math.round(packed(bytes, at, { i, bits }) * scale);}
      }
    }
  }
}

/** Writes samples into `target` in full depth. */
export function putNumbers(
  target: Target,
  layout: Layout,
  { part, from }: { part: Part; from: PartSamples },
): void {
  const { bytes, line, step } = from, { data, channels } = target;
  const { kept, columns, rows, start } = extent(layout, part, { channels, kept: from.kept });
  const read = numberReader(bytes as Uint8Array, layout);
  for (let y = 0; y < rows; y++) {
    let o = start + channels * y * layout.width;
    for (let x = 0; x < columns; x++, o += channels) {
      for (let c = 0, i = x * step; c < kept; c++, i++) data[o + c] = read(y * line, i);
    }
  }
}

/** An array for `count` samples in full depth. */
export function numbersFor({ format, bits }: Layout, count: number): Samples {
  if (format === 3) return new Float32Array(count);
  if (format === 2) return new Int32Array(count);
  return bits > 16 ? new Uint32Array(count) : new Uint16Array(count);
}

/** Reads the sample number `i` of the line that begins at a byte. */
function numberReader(
  bytes: Uint8Array,
  { format, bits, littleEndian: little }: Layout,
): (start: number, i: number) => number {
  const view = viewOf(bytes);
  if (format === 3) {
    if (bits === 16) return (start, i) => view.getFloat16(start + 2 * i, little);
    if (bits === 32) return (start, i) => view.getFloat32(start + 4 * i, little);
    return (start, i) => view.getFloat64(start + 8 * i, little);
  }
  if (format === 2) {
    if (bits === 8) return (start, i) => view.getInt8(start + i);
    if (bits === 16) return (start, i) => view.getInt16(start + 2 * i, little);
    return (start, i) => view.getInt32(start + 4 * i, little);
  }
  if (bits === 16) return (start, i) => view.getUint16(start + 2 * i, little);
  if (bits === 32) return (start, i) => view.getUint32(start + 4 * i, little);
  if (bits === 24) {
    const [low, high] = little ? [0, 2] : [2, 0];
    return (start, i) => {
      const at = start + 3 * i;
      return bytes[at + low] + (bytes[at + 1] << 8) + (bytes[at + high] << 16);
    };
  }
  return (start, i) => packed(bytes, start, { i, bits });
}

/** A sample of at most 16 bits in a row of bits, the highest first. */
function packed(
  bytes: Uint8Array | Uint8ClampedArray,
  start: number,
  { i, bits }: { i: number; bits: number },
): number {
  const at = start + (i * bits >> 3), word = bytes[at] << 16 | bytes[at + 1] << 8 | bytes[at + 2];
  return word >> 24 - bits - (i * bits & 7) & (1 << bits) - 1;
}
