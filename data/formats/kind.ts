/**
 * Recognizes images by their first bytes.
 *
 * @module
 */
import { ascii } from "./format.ts";

/** Bytes that are enough for `looksLikeImage`. */
export const KIND_BYTES = 64;

/** Whether `bytes`, the first `KIND_BYTES` of a file or more, begin like an image that can be read. */
export function looksLikeImage(bytes: Uint8Array): boolean {
  return /^(\xff\xd8|\x89PNG|RIFF.{4}WEBP|GIF8[79]a|II\*\0|MM\0\*|P6\s)/s.test(ascii(bytes, 0, 16));
}
