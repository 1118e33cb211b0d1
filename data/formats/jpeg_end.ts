/**
 * Whether a JPEG is whole: by its end marker, or by its scans if other bytes stand in the marker's place.
 *
 * @module
 */
import { concatBytes } from "../../src/base/bytes.ts";
import { endOfScan, jpegSegments, type Segment } from "./jpeg_segments.ts";

/** What the frame header says. */
export interface Frame {
  width: number;
  height: number;
  /** Identifiers of the components. */
  components: number[];
  progressive: boolean;
}

/**
 * `bytes`, whose first scan is `scan`, if they have an end marker after it: scans escape FF, so it is real, and those of
 * EXIF thumbnails lie before. Otherwise, as some writers put zeros or other bytes in its place, `bytes` with the marker
 * instead of the zeros at the end, or of the last two bytes: a truncated file, also one filled up with zeros, then lacks
 * data, of which libjpeg warns. Throws an Error if scans are missing.
 */
export function withEndMarker(
  bytes: Uint8Array,
  { frame, scan }: { frame: Frame; scan: Segment },
): Uint8Array {
  for (let at = bytes.lastIndexOf(0xd9); at > scan.at; at = bytes.lastIndexOf(0xd9, at - 1)) {
    if (bytes[at - 1] === 0xff) return bytes;
  }
  if (!hasAllScans(bytes, { frame, scan })) throw new Error(TRUNCATED);
  let end = bytes.length;
  while (bytes[end - 1] === 0) end--;
  if (end < bytes.length && bytes[end - 1] === 0xff) end++; // data, escaped
  if (end > bytes.length - 2) end = bytes.length - 2;
  if (end <= scan.end) throw new Error(TRUNCATED);
  return concatBytes([bytes.subarray(0, end), new Uint8Array([0xff, 0xd9])]);
}

/** The reason why a JPEG is refused that has neither an end marker nor all of its data. */
export const TRUNCATED = "it is a truncated JPEG: it has no end marker";

/** Whether the scans give every coefficient of every component in full (T.81, G.1.1). */
function hasAllScans(bytes: Uint8Array, { frame, scan }: { frame: Frame; scan: Segment }): boolean {
  const missing = new Set(
    frame.components.flatMap((id) => Array.from({ length: 64 }, (_, k) => 64 * id + k)),
  );
  for (let { at, end } = scan;;) {
    const count = bytes[at + 4], [first, last, bits] = bytes.subarray(at + 5 + 2 * count);
    for (let i = 0; i < count; i++) {
      const id = bytes[at + 5 + 2 * i];
      // A sequential scan has all coefficients; a progressive one those from `first` to `last`, without `bits` low bits.
      for (let k = frame.progressive ? first : 0; k <= (frame.progressive ? last : 63); k++) {
        if (!frame.progressive || (bits & 15) === 0) missing.delete(64 * id + k);
      }
    }
    if (missing.size === 0) return true;
    try {
      for (const segment of jpegSegments(bytes, endOfScan(bytes, end))) ({ at, end } = segment);
    } catch {
      return false; // there is no further scan
    }
  }
}
