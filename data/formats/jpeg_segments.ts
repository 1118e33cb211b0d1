/**
 * The marker segments of a JPEG (ITU-T T.81, annex B).
 *
 * @module
 */
import { viewOf } from "./format.ts";

/** A segment: bytes[at] is the FF before its marker, bytes[end] the first byte after it. */
export interface Segment {
  marker: number;
  at: number;
  end: number;
}

/** The segments after the start marker, up to the first scan. Throws an Error if there is no scan. */
export function* jpegSegments(bytes: Uint8Array): Generator<Segment> {
  const view = viewOf(bytes);
  for (let at = 2; at + 10 <= bytes.length;) {
    if (bytes[at] !== 0xff) throw new Error(`it is a damaged JPEG: there is no marker at byte ${at}`);
    const marker = bytes[at + 1];
    if (marker === 0xff) { // fill
      at++;
      continue;
    }
    const end = at + 2 + view.getUint16(at + 2);
    yield { marker, at, end };
    if (marker === 0xda) return;
    at = end;
  }
  throw new Error("it is a truncated JPEG: it ends within its header");
}

/** Adobe's segment with the color transform: 0 for RGB or CMYK, 1 for YCbCr, 2 for YCCK. */
export function adobeSegment(transform: 0 | 1 | 2): Uint8Array {
  return new Uint8Array([
    0xff,
    0xee,
    0,
    14,
    ...new TextEncoder().encode("Adobe"),
    0,
    100,
    0,
    0,
    0,
    0,
    transform,
  ]);
}
