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

/** The start of a scan. */
export const START_OF_SCAN = 0xda;

/** Markers without a length: TEM and the restart markers. */
const hasNoLength = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);

/**
 * The segments from the byte `from` on, after the start marker, up to the next scan. Like libjpeg, it skips whatever lies
 * between segments: fill bytes, zeros, anything. Throws an Error if there is no scan.
 */
export function* jpegSegments(bytes: Uint8Array, from = 2): Generator<Segment> {
  const view = viewOf(bytes);
  for (let at = from; (at = nextMarker(bytes, at)) + 10 <= bytes.length;) {
    const marker = bytes[at + 1];
    if (marker === 0xd9) throw new Error("it is a damaged JPEG: it ends without an image");
    const end = at + 2 + (hasNoLength(marker) ? 0 : view.getUint16(at + 2));
    yield { marker, at, end };
    if (marker === START_OF_SCAN) return;
    at = end;
  }
  throw new Error("it is a truncated JPEG: it ends within its header");
}

/** Where the next FF lies that is followed by a marker; FF 00 and FF FF are none. */
function nextMarker(bytes: Uint8Array, at: number): number {
  for (at = bytes.indexOf(0xff, at); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    if (bytes[at + 1] !== 0 && bytes[at + 1] !== 0xff) return at;
  }
  return bytes.length;
}

/** Where the marker lies that ends the scan whose header ends at `at`: the next one that is no restart marker. */
export function endOfScan(bytes: Uint8Array, at: number): number {
  for (at = nextMarker(bytes, at); hasNoLength(bytes[at + 1]); at = nextMarker(bytes, at + 2));
  return at;
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
