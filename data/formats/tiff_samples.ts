/**
 * The samples of a strip or tile of a TIFF to their places in the picture.
 *
 * @module
 */
import { viewOf } from "./format.ts";
import { type Layout, lineBytes, type Part } from "./tiff_layout.ts";

/** `bytes` with each sample added to that of the pixel before, in a copy, modulo 256 or 65536. */
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

/** Samples of a strip or tile, in lines of whole bytes. */
export interface Samples {
  bytes: Uint8Array | Uint8ClampedArray;
  /** Bytes of a line. */
  line: number;
  /** Bits of a sample. */
  bits: number;
  /** Samples of a pixel, and how many of them count. */
  step: number;
  kept: number;
}

/** Writes `from` to its place in `data`, [height, width, 4], 8 bits of each sample: of 16 the high ones. */
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
