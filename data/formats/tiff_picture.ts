/**
 * Strips and tiles of a TIFF that are pictures of other formats: JPEG (Adobe's TIFF Technical Note 2) and WebP.
 *
 * @module
 */
import { concatBytes } from "../../src/base/bytes.ts";
import { decodeCmykJpeg } from "./cmyk_jpeg.ts";
import type { Pixels } from "./format.ts";
import { jpeg } from "./jpeg.ts";
import { adobeSegment, jpegSegments } from "./jpeg_segments.ts";
import { JPEG, WEBP } from "./tiff_codecs.ts";
import type { Layout, Part } from "./tiff_layout.ts";
import { webp } from "./webp.ts";

/** Whether the parts are JPEGs of four inks, which are decoded to RGB. */
export function isCmykPicture({ compression, photometric }: Layout): boolean {
  return compression === JPEG && photometric === 5;
}

/** Decodes `part` to RGBA, gray as three equal channels. */
export async function decodePicture(part: Part, layout: Layout): Promise<Pixels> {
  const bytes = layout.compression === WEBP ? part.bytes : wholeJpeg(part, layout);
  const { width, height, decode } = (layout.compression === WEBP ? webp : jpeg).readHeader(bytes);
  if (width !== layout.part.width || height < part.rows || height > layout.part.height) {
    throw new Error(`it has ${width}×${height} pixels instead of ${layout.part.width}×${part.rows}`);
  }
  return isCmykPicture(layout)
    ? await decodeCmykJpeg(bytes, width * height, { inverted: false })
    : await decode();
}

/** `part` with the tables that all parts share, and an Adobe segment for the color transform, which TIFF has in a tag. */
function wholeJpeg({ bytes }: Part, { jpegTables, photometric }: Layout): Uint8Array {
  const segments = [...jpegSegments(bytes)];
  const scan = segments.pop()!; // the last segment is the scan
  return concatBytes([
    bytes.subarray(0, 2),
    jpegTables?.subarray(2, -2) ?? new Uint8Array(), // without the start and end markers
    adobeSegment(photometric === 6 ? 1 : 0), // 0: as they are, also CMYK
    ...segments.filter(({ marker }) => marker < 0xe0 || marker > 0xef).map(({ at, end }) =>
      bytes.subarray(at, end)
    ),
    bytes.subarray(scan.at),
  ]);
}
