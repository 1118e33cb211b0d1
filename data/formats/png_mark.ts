/**
 * The mark of pictures that this program writes, so that they are not taken for data where they lie among images.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { concatBytes } from "../../src/base/bytes.ts";
import { ascii } from "./format.ts";

/** PNG's signature and its first chunk, the header. */
const HEAD = 33;

const MARK = "Software\0byol: a sheet of views";

/** Bytes in which {@linkcode isMarkedPng} finds the mark. */
export const MARK_BYTES = HEAD + 8 + MARK.length;

/** `png` with a text chunk behind its header that says what wrote it. */
export function markedPng(png: Uint8Array): Uint8Array<ArrayBuffer> {
  const chunk = new Uint8Array(12 + MARK.length), view = new DataView(chunk.buffer);
  view.setUint32(0, MARK.length);
  chunk.set(new TextEncoder().encode(`tEXt${MARK}`), 4);
  view.setUint32(8 + MARK.length, crc32(chunk.subarray(4, 8 + MARK.length)));
  return concatBytes([png.subarray(0, HEAD), chunk, png.subarray(HEAD)]);
}

/** Whether a file that begins with `bytes` is such a picture. */
export function isMarkedPng(bytes: Uint8Array): boolean {
  return ascii(bytes, HEAD + 8, MARK.length) === MARK;
}
