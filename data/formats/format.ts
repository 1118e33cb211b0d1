/**
 * The interface of image formats: a header, read before a decoder sees the bytes, and pixels.
 *
 * @module
 */

import type { Stretch } from "../views/recipe.ts";

export type { Stretch };

/** Images with more pixels are rejected before decoding. Sensors of 200 megapixels have up to 16384×12288. */
export const MAX_PIXELS = 210e6;

/** The image formats that can be read; kind.ts recognizes them. */
export type FormatName = "JPEG" | "PNG" | "WebP" | "GIF" | "TIFF" | "BMP" | "PNM" | "HEIF" | "JPEG XL";

/** RGBA, [height, width, 4]. The receiver owns the buffer. */
export interface Pixels {
  width: number;
  height: number;
  data: Uint8Array | Uint8ClampedArray;
  /** Whether the samples were stretched already, from more than 8 bits. */
  stretched?: boolean;
}

/** How samples become bytes. */
export interface DecodeOptions {
  /** Stretches each image so that its 1st percentile becomes black and its 99th white. */
  stretch?: Stretch;
}

/** The rows of an image from top to bottom, RGBA. A row is valid until the next is asked for, and may be written to. */
export type Rows = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** What the header of a file says. */
export interface Header {
  width: number;
  height: number;
  /** The EXIF orientation, 1 … 8, to be applied after decoding; 1 is upright. */
  orientation?: number;
  /** Whether the format has no transparency. */
  opaque?: boolean;
  /** Bits per sample, if it is known. */
  bits?: number;
  /** Decodes the whole file. A format with samples of 8 bits may leave stretching to its caller. */
  decode(options?: DecodeOptions): Pixels | Promise<Pixels>;
  /** Decodes row by row, for large images that are not stretched; absent where the decoder cannot. */
  rows?(): Rows;
}

/** An image format. */
export interface Format {
  name: FormatName;
  /** Throws an Error with the defect if the header is damaged. */
  readHeader(bytes: Uint8Array): Header;
}

/** Throws an Error if a size is 0 or too large to decode; `whose` is the subject of the message. */
export function checkSize(width: number, height: number, whose = "its header"): void {
  if (width === 0 || height === 0) throw new Error(`${whose} says ${width}×${height} pixels`);
  if (width * height > MAX_PIXELS) {
    throw new Error(`${whose} says ${width}×${height} pixels, more than ${MAX_PIXELS / 1e6} million`);
  }
}

/** A DataView of `bytes`. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** `length` bytes from `at` as text. */
export function ascii(bytes: Uint8Array, at: number, length = 4): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}
