/**
 * Strips and tiles of a TIFF that are JPEG (Adobe's TIFF Technical Note 2).
 *
 * @module
 */
import { joined, type Pixels } from "./format.ts";
import { jpeg } from "./jpeg.ts";
import { adobeSegment, jpegSegments } from "./jpeg_segments.ts";
import type { Layout, Part } from "./tiff_layout.ts";

/** Decodes `part` to RGBA, or grey in all three. */
export async function decodeJpegPart(part: Part, layout: Layout): Promise<Pixels> {
  const { width, height, decode } = jpeg.readHeader(wholeJpeg(part, layout));
  if (width !== layout.part.width || height < part.rows || height > layout.part.height) {
    throw new Error(`it has ${width}×${height} pixels instead of ${layout.part.width}×${part.rows}`);
  }
  return await decode();
}

/** `part` with the tables that it shares with others, and its colours named: TIFF has a tag for them. */
function wholeJpeg({ bytes }: Part, { jpegTables, photometric }: Layout): Uint8Array {
  const segments = [...jpegSegments(bytes)];
  const scan = segments.pop()!; // the segments end with it
  return joined([
    bytes.subarray(0, 2),
    jpegTables?.subarray(2, -2) ?? new Uint8Array(), // within markers of start and end
    adobeSegment(photometric === 6 ? 1 : 0),
    ...segments.filter(({ marker }) => marker < 0xe0 || marker > 0xef).map(({ at, end }) =>
      bytes.subarray(at, end)
    ),
    bytes.subarray(scan.at),
  ]);
}
