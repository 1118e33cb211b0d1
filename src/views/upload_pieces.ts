/**
 * Joins the bytes of many images into few writes to the GPU.
 *
 * @module
 */
import type { PackedImage } from "../../data/views/table.ts";

/** A write to the GPU costs as much as copying so many bytes: shorter pieces are joined first. */
export const GATHERED_BYTES = 2 ** 18;

/** Bytes, and their offset in a store. */
interface Piece {
  bytes: Uint8Array<ArrayBuffer>;
  offset: number;
}

/** `pieces`, each of which follows the previous one; neighbors that fit into `buffer` together are copied there and joined. */
export function* joined(pieces: Iterable<Piece>, buffer: Uint8Array<ArrayBuffer>): Generator<Piece> {
  let begin = 0, length = 0;
  for (const piece of pieces) {
    const { bytes, offset } = piece;
    if (length > 0 && length + bytes.length > buffer.length) {
      yield { bytes: buffer.subarray(0, length), offset: begin };
      length = 0;
    }
    if (bytes.length > buffer.length) yield piece;
    else {
      if (length === 0) begin = offset;
      buffer.set(bytes, length);
      length += bytes.length;
    }
  }
  if (length > 0) yield { bytes: buffer.subarray(0, length), offset: begin };
}

/** The bytes of images, one after the other: images that are adjacent in one buffer are one piece. */
export function* runsOf(images: readonly PackedImage[]): Generator<Piece> {
  let offset = 0;
  for (let i = 0; i < images.length;) {
    const { buffer, byteOffset } = images[i].pixels;
    let length = 0;
    while (i < images.length) {
      const { pixels } = images[i];
      if (pixels.buffer !== buffer || pixels.byteOffset !== byteOffset + length) break;
      length += pixels.length;
      i++;
    }
    yield { bytes: new Uint8Array(buffer, byteOffset, length), offset };
    offset += length;
  }
}
