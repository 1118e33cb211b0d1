/**
 * Strips and tiles of a TIFF in JPEG compression (Adobe's TIFF Technical Note 2).
 *
 * @module
 */
import { concatBytes } from "../../src/base/bytes.ts";
import type { Pixels } from "./format.ts";
import { jpeg } from "./jpeg.ts";
import { adobeSegment, jpegSegments } from "./jpeg_segments.ts";
import type { Layout, Part } from "./tiff_layout.ts";

/** Decodes `part` to RGBA, gray as three equal channels. */
export async function decodeJpegPart(part: Part, layout: Layout): Promise<Pixels> {
  const { width, height, decode } = jpeg.readHeader(wholeJpeg(part, layout));
  if (width !== layout.part.width || height < part.rows || height > layout.part.height) {
    throw new Error(`it has ${width}×${height} pixels instead of ${layout.part.width}×${part.rows}`);
  }
  return await decode();
}

/** `part` with the tables that all parts share, and an Adobe segment for the color transform, which TIFF has in a tag. */
function wholeJpeg({ bytes }: Part, { jpegTables, photometric }: Layout): Uint8Array {
  const segments = [...jpegSegments(bytes)];
  const scan = segments.pop()!; // the last segment is the scan
  return concatBytes([
    bytes.subarray(0, 2),
    jpegTables?.subarray(2, -2) ?? new Uint8Array(), // without the start and end markers
    adobeSegment(photometric === 6 ? 1 : 0),
    ...segments.filter(({ marker }) => marker < 0xe0 || marker > 0xef).map(({ at, end }) =>
      bytes.subarray(at, end)
    ),
    bytes.subarray(scan.at),
  ]);
}
