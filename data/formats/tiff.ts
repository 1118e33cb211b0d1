/**
 * The first page of a TIFF.
 *
 * No library is good enough: imagescript's module fails on every file; npm:utif2@4.1.0, npm:geotiff@3.0.5 and
 * npm:tiff@7.1.3 each decode at least nine of some fifty golden files wrong, and utif2 accepts truncated files. So the
 * modules imported below read the container; Deno inflates, and libjpeg decodes JPEG.
 *
 * @module
 */
import { messageOf } from "../../src/base/errors.ts";
import { refuseCameraRaw } from "./camera_raw.ts";
import { Directory } from "./directory.ts";
import { ascii, type Format, type Pixels } from "./format.ts";
import { ORIENTATION } from "./orientation.ts";
import { codecs } from "./tiff_codecs.ts";
import { toRgba } from "./tiff_colors.ts";
import { decodeJpegPart } from "./tiff_jpeg.ts";
import { findParts, JPEG, type Layout, lineBytes, type Part, readLayout } from "./tiff_layout.ts";
import { putSamples, undoPredictor } from "./tiff_samples.ts";

/** TIFF: uncompressed, LZW, deflate, PackBits or JPEG; in strips or tiles; up to 16 bits per sample. */
export const tiff: Format = {
  name: "TIFF",
  readHeader(bytes) {
    if (ascii(bytes, 2, 2).includes("+")) {
      throw new Error("it is a BigTIFF, which is not supported: convert it");
    }
    const directory = new Directory(bytes, "TIFF");
    refuseCameraRaw(directory);
    const layout = readLayout(directory);
    const parts = findParts(bytes, { directory, layout });
    return {
      width: layout.width,
      height: layout.height,
      orientation: directory.values(ORIENTATION)?.[0],
      decode: () => decodeParts(layout, parts),
    };
  },
};

/** Decodes part by part into four samples per pixel, and converts these to RGBA in place. */
async function decodeParts(layout: Layout, parts: Part[]): Promise<Pixels> {
  const { width, height, bits, planar, samples } = layout;
  const data = new Uint8Array(4 * width * height);
  const kept = planar ? 1 : samples;
  for (const part of parts) {
    try {
      if (layout.compression === JPEG) {
        const decoded = await decodeJpegPart(part, layout);
        const from = { bytes: decoded.data, bits, step: 4, line: 4 * decoded.width, kept };
        putSamples(data, { layout, part, from });
      } else {
        const from = { bytes: unpack(part, layout), bits, step: kept, line: lineBytes(layout), kept };
        putSamples(data, { layout, part, from });
      }
    } catch (error) {
      throw new Error(`it is a damaged TIFF: ${part.name}: ${messageOf(error)}`);
    }
  }
  toRgba(data, layout);
  return { width, height, data };
}

/** The unpacked lines of `part`. */
function unpack(part: Part, layout: Layout): Uint8Array {
  const line = lineBytes(layout);
  const bytes = codecs[layout.compression](part.bytes, line * layout.part.height);
  if (bytes.length < line * part.rows) {
    throw new Error(`it holds ${bytes.length} of ${line * part.rows} bytes`);
  }
  return layout.predictor === 2 ? undoPredictor(bytes, layout) : bytes;
}
