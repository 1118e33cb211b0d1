/**
 * JPEG in CMYK or YCCK, which @jsquash/jpeg does not support. The decoder of imagescript (Rust's jpeg-decoder) differs from
 * libjpeg by at most 2; npm:jpeg-js does not smooth subsampled chroma and differs by up to 23.
 *
 * @module
 */
import { concatBytes } from "../../src/base/bytes.ts";
import { ascii, type Pixels } from "./format.ts";
import { adobeSegment, jpegSegments } from "./jpeg_segments.ts";
import { reusable } from "./reusable.ts";

/** The number that imagescript gives the CMYK format. */
const CMYK = 2;

const withDecoder = reusable(async () => {
  const { default: jpeg } = await import("npm:imagescript@1.3.1/wasm/node/jpeg.js");
  return await jpeg.init();
});

/**
 * Decodes a JPEG of four components and `size` pixels. Like Pillow, it takes the inks as inverted, as Adobe writes them; in a
 * TIFF they are not.
 */
export async function decodeCmykJpeg(
  bytes: Uint8Array,
  size: number,
  { inverted = true }: { inverted?: boolean } = {},
): Promise<Pixels> {
  const segments = [...jpegSegments(bytes)];
  const hasAdobeSegment = segments.some(({ marker, at }) =>
    marker === 0xee && ascii(bytes, at + 4, 5) === "Adobe"
  );
  // The segments alone: unlike libjpeg, the decoder stops at bytes between them.
  const clean = concatBytes([
    bytes.subarray(0, 2),
    hasAdobeSegment ? new Uint8Array() : adobeSegment(0),
    ...segments.map(({ at, end }) => bytes.subarray(at, end)),
    bytes.subarray(segments.at(-1)!.end),
  ]);
  const decoded = await withDecoder(size, (jpeg) => jpeg.decode(clean, 0, 0));
  if (decoded?.format !== CMYK) throw new Error("it is a damaged CMYK JPEG");
  const { width, height, buffer: data } = decoded;
  if (!inverted) { for (let i = 0; i < data.length; i++) data[i] = 255 - data[i]; }
  for (let i = 0; i < data.length; i += 4) {
    const light = 255 - data[i + 3];
    for (let c = i; c < i + 3; c++) data[c] = Math.round((255 - data[c]) * light / 255);
    data[i + 3] = 255;
  }
  return { width, height, data };
}
