/**
 * What the formats have in common: a header that is read before a decoder sees the bytes, and pixels.
 *
 * @module
 */

/** More pixels than this are refused before decoding: 100 megapixels, 400 MB decoded. */
export const MAX_PIXELS = 100e6;

/** RGBA, [height, width, 4]. The buffer belongs to whoever gets it. */
export interface Pixels {
  width: number;
  height: number;
  data: Uint8Array | Uint8ClampedArray;
}

/** What a file promises. */
export interface Header {
  width: number;
  height: number;
  /** How the picture is to be turned after decoding, as EXIF counts: 1 … 8, where 1 is upright. */
  orientation?: number;
  /** Whether no pixel can be transparent. */
  opaque?: boolean;
  /** Decodes the whole file. */
  decode(): Pixels | Promise<Pixels>;
}

/** A format: how to know it, and how to read its header, which throws an Error that says what is wrong. */
export interface Format {
  name: string;
  /** Whether `bytes` begin like a file of this format. */
  matches(bytes: Uint8Array): boolean;
  readHeader(bytes: Uint8Array): Header;
}

/** Throws an Error unless `whose` size is one to decode. */
export function checkSize(width: number, height: number, whose = "its header"): void {
  if (width === 0 || height === 0) throw new Error(`${whose} says ${width}×${height} pixels`);
  if (width * height > MAX_PIXELS) {
    throw new Error(`${whose} says ${width}×${height} pixels, more than ${MAX_PIXELS / 1e6} million`);
  }
}

/** Big- or little-endian numbers of `bytes`. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** `length` bytes from `at` as text. */
export function ascii(bytes: Uint8Array, at: number, length = 4): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}

/** The parts one after another. */
export function joined(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
