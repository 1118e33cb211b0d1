/**
 * Copies the samples of a TIFF's strip or tile into the image.
 *
 * @module
 */
import { viewOf } from "./format.ts";
import { type Layout, lineBytes, type Part } from "./tiff_layout.ts";

/** A copy of `bytes` with each sample added to that of the previous pixel, modulo 256 or 65536. */
export function undoPredictor(bytes: Uint8Array, layout: Layout): Uint8Array {
  const line = lineBytes(layout), step = layout.planar ? 1 : layout.samples;
  const out = bytes.slice(), view = viewOf(out), little = layout.littleEndian;
  for (let start = 0; start + line <= out.length; start += line) {
    if (layout.bits === 8) {
      for (let i = start + step; i < start + line; i++) out[i] += out[i - step];
    } else {
      for (let i = start + 2 * step; i < start + line; i += 2) {
        view.setUint16(i, view.getUint16(i, little) + view.getUint16(i - 2 * step, little), little);
      }
    }
  }
  return out;
}

/** The samples of a strip or tile, in lines of whole bytes. */
export interface Samples {
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

/** Writes `from` into `data`, [height, width, 4], as 8-bit samples: the high byte of 16 bits. */
export function putSamples(
  data: Uint8Array,
  { layout, part, from }: { layout: Layout; part: Part; from: Samples },
): void {
  const { bytes, line, bits, step } = from;
  const kept = Math.min(from.kept, 4 - part.plane);
  const columns = Math.min(layout.part.width, layout.width - part.left);
  const rows = Math.min(part.rows, layout.height - part.top);
  const mask = (1 << bits) - 1, highByte = layout.littleEndian ? 1 : 0;
  for (let y = 0; y < rows; y++) {
    const start = y * line;
    let o = 4 * ((part.top + y) * layout.width + part.left) + part.plane;
    for (let x = 0; x < columns; x++, o += 4) {
      for (let c = 0, i = x * step; c < kept; c++, i++) {
        if (bits === 8) data[o + c] = bytes[start + i];
        else if (bits === 16) data[o + c] = bytes[start + 2 * i + highByte];
        else data[o + c] = bytes[start + (i * bits >> 3)] >> (8 - bits - i * bits % 8) & mask;
      }
    }
  }
}
