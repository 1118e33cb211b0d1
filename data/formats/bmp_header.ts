/**
 * The headers of BMP: OS/2 1.x and 2.x, Windows 3, 4 and 5, and DIB, which lacks the file header.
 *
 * @module
 */
import { ascii, viewOf } from "./format.ts";

/** How samples are stored (wingdi.h, BITMAPINFOHEADER.biCompression). */
export const RGB = 0, RLE8 = 1, RLE4 = 2, JPEG = 4, PNG = 5, RLE24 = -4;
const BITFIELDS = 3, ALPHA_BITFIELDS = 6;

/** What the headers say. */
export interface BmpLayout {
  width: number;
  height: number;
  /** Whether the first row is the upper one; usually it is the lower one. */
  isTopDown: boolean;
  /** Bits of a pixel. */
  bits: number;
  /** `BITFIELDS` is reported as `RGB` with `masks`. */
  compression: number;
  /** Of red, green, blue and alpha, 0 for none, for pixels of 16 and 32 bits. */
  masks: number[];
  /** RGB of each color, for pixels of up to 8 bits. */
  palette: Uint8Array[];
  /** Where the pixels begin. */
  start: number;
}

/** Reads the headers. Throws an Error if they are damaged or not supported. */
export function readBmpLayout(bytes: Uint8Array): BmpLayout {
  const view = viewOf(bytes), at = ascii(bytes, 0, 2) === "BM" ? 14 : 0;
  const size = view.getUint32(at, true);
  if (at + size > bytes.length) throw new Error("it is a truncated BMP: it ends within its header");
  const isOld = size === 12;
  const width = isOld ? view.getUint16(at + 4, true) : view.getInt32(at + 4, true);
  const height = isOld ? view.getUint16(at + 6, true) : view.getInt32(at + 8, true);
  if (width < 0) throw new Error(`it is a damaged BMP: its width is ${width}`);
  const bits = view.getUint16(at + (isOld ? 10 : 14), true);
  const compression = size < 40 ? RGB : compressionOf(view.getUint32(at + 16, true), size);
  const hasMasks = compression === BITFIELDS || compression === ALPHA_BITFIELDS;
  checkSupport(bits, compression);
  const after = at + size + (hasMasks && size === 40 ? compression === BITFIELDS ? 12 : 16 : 0);
  if (after > bytes.length) throw new Error("it is a truncated BMP: it ends within its header");
  const masks = hasMasks ? readMasks(view, { at: at + 40, compression, size }) : DEFAULT_MASKS[bits] ?? [];
  const entry = isOld ? 3 : 4, used = size >= 40 ? view.getUint32(at + 32, true) : 0;
  const colors = bits <= 8 ? (used > 0 && used < 1 << bits ? used : 1 << bits) : used;
  const start = at === 0 ? after + entry * colors : view.getUint32(10, true);
  if (start < after) throw new Error(`it is a damaged BMP: its pixels begin at byte ${start}, in its header`);
  return {
    width,
    height: Math.abs(height),
    isTopDown: height < 0,
    bits,
    compression: hasMasks ? RGB : compression,
    masks,
    // Some writers store fewer colors than they announce, and the pixels right after them.
    palette: bits <= 8 ? readPalette(bytes.subarray(after, start), { entry, colors }) : [],
    start,
  };
}

/** 5 bits a color in 16, 8 in 32; what is left of the pixel means nothing. */
const DEFAULT_MASKS: Record<number, number[]> = {
  16: [0x7c00, 0x3e0, 0x1f, 0],
  32: [0xff0000, 0xff00, 0xff, 0],
};

/** OS/2 2.x has numbers of its own for what Windows calls bit fields and JPEG. */
function compressionOf(value: number, size: number): number {
  if (size !== 64) return value;
  if (value === 3) {
    throw new Error("it is a BMP with Huffman coding of OS/2, which is not supported: convert it");
  }
  return value === 4 ? RLE24 : value;
}

function checkSupport(bits: number, compression: number): void {
  if (compression === JPEG || compression === PNG) return;
  const depths: Record<number, number[]> = {
    [RGB]: [1, 2, 4, 8, 16, 24, 32],
    [RLE8]: [8],
    [RLE4]: [4],
    [RLE24]: [24],
    [BITFIELDS]: [16, 32],
    [ALPHA_BITFIELDS]: [16, 32],
  };
  const known = depths[compression];
  if (!known) {
    throw new Error(`it is a BMP with compression ${compression}, which is not supported: convert it`);
  }
  if (!known.includes(bits)) {
    throw new Error(
      `it is a BMP of ${bits} bits per pixel with compression ${compression}, which is not supported: convert it`,
    );
  }
}

function readMasks(
  view: DataView,
  { at, compression, size }: { at: number; compression: number; size: number },
): number[] {
  const hasAlpha = compression === ALPHA_BITFIELDS || size >= 56;
  const masks = [0, 4, 8, 12].map((o) => o < 12 || hasAlpha ? view.getUint32(at + o, true) : 0);
  const isRun = (mask: number) => {
    const run = mask / (mask & -mask) >>> 0; // without its lowest zeros
    return mask === 0 || (run & (run + 1)) === 0;
  };
  const bad = masks.find((mask) => !isRun(mask));
  if (bad !== undefined) throw new Error(`it is a damaged BMP: its color mask ${bad} has gaps`);
  return masks;
}

/** The colors, stored as blue, green, red and in newer files a zero. */
function readPalette(bytes: Uint8Array, { entry, colors }: { entry: number; colors: number }): Uint8Array[] {
  const count = Math.min(colors, Math.floor(bytes.length / entry));
  return Array.from({ length: count }, (_, i) => bytes.slice(entry * i, entry * i + 3).reverse());
}
