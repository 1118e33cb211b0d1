/**
 * The first page of a TIFF.
 *
 * No library is good enough: imagescript's module fails on every file; npm:utif2@4.1.0, npm:geotiff@3.0.5 and
 * npm:tiff@7.1.3 each decode at least nine of some fifty golden files wrong, and utif2 accepts truncated files. So the
 * modules imported below read the container; Deno inflates, libjpeg decodes JPEG, and libwebp WebP.
 *
 * @module
 */
import { messageOf } from "../../src/base/errors.ts";
import { refuseCameraRaw } from "./camera_raw.ts";
import { Directory } from "./directory.ts";
import { ascii, type DecodeOptions, type Format, type Pixels } from "./format.ts";
import { ORIENTATION } from "./orientation.ts";
import { codecs, isFax } from "./tiff_codecs.ts";
import { toRgba } from "./tiff_colors.ts";
import { hasNumbers, numbersToBytes, pixelLayout } from "./tiff_numbers.ts";
import { readOldJpeg } from "./tiff_old_jpeg.ts";
import { decodePicture, isCmykPicture } from "./tiff_picture.ts";
import { findParts, type Layout, lineBytes, type Part, readLayout } from "./tiff_layout.ts";
import { numbersFor, putBytes, putNumbers, type Target, undoPredictor } from "./tiff_samples.ts";

/**
 * TIFF and BigTIFF: uncompressed, LZW, deflate, zstd, PackBits, fax, JPEG or WebP; in strips or tiles; integers up to 32 bits
 * and floating-point numbers per sample.
 */
export const tiff: Format = {
  name: "TIFF",
  readHeader(bytes) {
    const directory = new Directory(bytes, ascii(bytes, 2, 2).includes("+") ? "BigTIFF" : "TIFF");
    refuseCameraRaw(directory);
    const orientation = directory.values(ORIENTATION)?.[0];
    const old = readOldJpeg(bytes, directory);
    if (old) return { ...old, orientation };
    const layout = readLayout(directory);
    const parts = findParts(bytes, { directory, layout });
    return {
      width: layout.width,
      height: layout.height,
      bits: layout.bits,
      orientation,
      decode: (options) => decodeParts(layout, parts, options),
    };
  },
};

/** Decodes part by part into samples, and converts these to RGBA. */
async function decodeParts(layout: Layout, parts: Part[], options: DecodeOptions = {}): Promise<Pixels> {
  const { width, height, planar, samples } = layout, pixels = width * height;
  const isDeep = hasNumbers(layout, options), { channels } = isDeep ? pixelLayout(layout) : { channels: 4 };
  const target = {
    data: isDeep ? numbersFor(layout, channels * pixels) : new Uint8Array(channels * pixels),
    channels,
  };
  const put = isDeep ? putNumbers : putBytes, kept = planar ? 1 : samples;
  for (const part of parts) {
    try {
      if (codecs[layout.compression]) {
        const from = {
          bytes: unpack(part, layout),
          bits: layout.bits,
          step: kept,
          line: lineBytes(layout),
          kept,
        };
        put(target, layout, { part, from });
      } else await putPicture(target, layout, part);
    } catch (error) {
      throw new Error(`it is a damaged TIFF: ${part.name}: ${messageOf(error)}`);
    }
  }
  const data = isDeep ? numbersToBytes(target.data, layout, options) : target.data as Uint8Array;
  toRgba(data, isCmykPicture(layout) ? { ...layout, photometric: 2, alpha: 0 } : layout);
  return { width, height, data, stretched: isDeep && options.stretch !== undefined };
}

async function putPicture(target: Target, layout: Layout, part: Part): Promise<void> {
  const { data, width } = await decodePicture(part, layout);
  const kept = layout.planar ? 1 : Math.max(3, layout.samples);
  putBytes(target, layout, { part, from: { bytes: data, bits: 8, step: 4, line: 4 * width, kept } });
}

/** The unpacked lines of `part`. */
function unpack(part: Part, layout: Layout): Uint8Array {
  const { compression, predictor, twoDimensional, lowestBitFirst } = layout, line = lineBytes(layout);
  const packed = lowestBitFirst ? part.bytes.map(reverseBits) : part.bytes;
  // A last strip may be filled up to full height.
  const rows = isFax(compression) ? part.rows : layout.part.height;
  const fax = { width: layout.part.width, compression, twoDimensional };
  const bytes = codecs[compression](packed, line * rows, fax);
  if (bytes.length < line * part.rows) {
    throw new Error(`it holds ${bytes.length} of ${line * part.rows} bytes`);
  }
  return predictor === 1 ? bytes : undoPredictor(bytes, layout);
}

/** A byte with its bits in the other order. */
function reverseBits(byte: number): number {
  let reversed = 0;
  for (let i = 0; i < 8; i++) reversed |= (byte >> i & 1) << 7 - i;
  return reversed;
}
