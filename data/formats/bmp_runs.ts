/**
 * The run lengths of BMP: RLE4 and RLE8 of Windows, RLE24 of OS/2.
 *
 * @module
 */
import { type BmpLayout, RLE24, RLE4 } from "./bmp_header.ts";

/** The codes after a zero, where no run has its length. */
const END_OF_LINE = 0, END = 1, MOVE = 2;

/**
 * Unpacks `bytes` to rows in the file's order, of a byte a pixel, or three with RLE24. Skipped pixels are 0, as in Pillow.
 * Throws an Error if the data end before the image does.
 */
export function unpackRuns(bytes: Uint8Array, { width, height, compression }: BmpLayout): Uint8Array {
  const depth = compression === RLE24 ? 3 : 1, out = new Uint8Array(depth * width * height);
  let at = 0, x = 0, y = 0;
  /** Writes pixel `i` of a run whose samples begin at `from`; what lies beyond the row is dropped. */
  const put = (from: number, i: number) => {
    if (x >= width || y >= height) return;
    const o = depth * (y * width + x++);
    if (compression === RLE4) out[o] = i & 1 ? bytes[from + (i >> 1)] & 15 : bytes[from + (i >> 1)] >> 4;
    else for (let c = 0; c < depth; c++) out[o + c] = bytes[from + depth * i + c];
  };
  while (y < height) {
    if (at + 2 > bytes.length) {
      if (y === height - 1 && x >= width) break; // only the end mark is missing
      throw new Error("it is a truncated BMP: its runs end early");
    }
    const count = bytes[at++], code = bytes[at];
    if (count > 0) {
      for (let i = 0; i < count; i++) put(at, compression === RLE4 ? i & 1 : 0);
      at += depth;
    } else if (code === END_OF_LINE) {
      [x, y, at] = [0, y + 1, at + 1];
    } else if (code === END) {
      break;
    } else if (code === MOVE) {
      if (at + 3 > bytes.length) throw new Error("it is a truncated BMP: its runs end early");
      [x, y, at] = [x + bytes[at + 1], y + bytes[at + 2], at + 3];
    } else {
      const size = compression === RLE4 ? Math.ceil(code / 2) : depth * code;
      if (at + 1 + size > bytes.length) throw new Error("it is a truncated BMP: its runs end early");
      for (let i = 0; i < code; i++) put(at + 1, i);
      at += 1 + size + size % 2;
    }
  }
  return out;
}
