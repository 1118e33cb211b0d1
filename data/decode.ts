/**
 * Decodes image files, recognized by their first bytes.
 *
 * The modules of formats/ read the header before a decoder sees the bytes. That gives the size to allocate, and finds the
 * truncated files and color spaces that the decoders accept silently or reject with a bare number.
 *
 * @module
 */
import { type DecodedImage, shrinkImage } from "./views/resize.ts";
import { bmp } from "./formats/bmp.ts";
import { checkSize, type Format, MAX_PIXELS, type Rows } from "./formats/format.ts";
import { gif } from "./formats/gif.ts";
import { heif } from "./formats/heif.ts";
import { jpeg } from "./formats/jpeg.ts";
import { jxl } from "./formats/jxl.ts";
import { kindOf } from "./formats/kind.ts";
import { upright } from "./formats/orientation.ts";
import { png } from "./formats/png.ts";
import { pnm } from "./formats/pnm.ts";
import { collectRows } from "./formats/rows.ts";
import { tiff } from "./formats/tiff.ts";
import { webp } from "./formats/webp.ts";
import { LeftOutError } from "./rejection.ts";
import { shrinkRows } from "./shrink_rows.ts";

export { MAX_PIXELS };

const formats: Format[] = [jpeg, png, webp, gif, tiff, bmp, pnm, heif, jxl];

/** Larger images are decoded row by row where their format allows it: 16 megapixels, 64 MB decoded. */
const MAX_WHOLE_PIXELS = 16e6;

/**
 * Decodes an image. EXIF orientation is applied, transparency is blended with white, and of animations and multi-page files
 * the first frame or page is taken. With `shortSide`, a larger image is shrunk to that short side in pixels.
 *
 * @throws {Error} if the file is damaged or not supported; the message says why. A LeftOutError, before anything is decoded,
 * if the header says that the short side has fewer than `minSide` pixels.
 * @throws {MachineError} if a decoder cannot be loaded.
 */
export async function decodeImage(
  bytes: Uint8Array,
  { shortSide = Infinity, minSide = 1 }: { shortSide?: number; minSide?: number } = {},
): Promise<DecodedImage> {
  const { width, height, orientation, opaque, decode, rows } = formatOf(bytes).readHeader(bytes);
  checkSize(width, height);
  if (Math.min(width, height) < minSide) {
    throw new LeftOutError(`its ${width}×${height} pixels are below the minimum side of ${minSide}`);
  }
  const byRows = rows && width * height > MAX_WHOLE_PIXELS;
  if (byRows && Math.min(width, height) > shortSide) {
    return await shrinkRows(opaque ? rows() : onWhite(rows()), { width, height, orientation, shortSide });
  }
  const decoded = byRows ? await collectRows(rows(), { width, height }) : await decode();
  if (decoded.width !== width || decoded.height !== height) {
    throw new Error(
      `its header says ${width}×${height} pixels, but it decodes to ${decoded.width}×${decoded.height}`,
    );
  }
  const { buffer, byteOffset, length } = decoded.data;
  const data = new Uint8Array(buffer as ArrayBuffer, byteOffset, length);
  if (!opaque) blendWithWhite(data);
  return shrinkImage(upright({ width, height, data }, orientation), shortSide);
}

function formatOf(bytes: Uint8Array): Format {
  const kind = kindOf(bytes);
  if (kind.format === null) throw new Error(`it is ${kind.what}`);
  return formats.find(({ name }) => name === kind.format)!;
}

async function* onWhite(rows: Rows): AsyncGenerator<Uint8Array> {
  for await (const row of rows) {
    blendWithWhite(row);
    yield row;
  }
}

/** Blends transparent pixels with white, in place. */
function blendWithWhite(rgba: Uint8Array): void {
  for (let i = 0; i < rgba.length; i += 4) {
    const alpha = rgba[i + 3];
    if (alpha === 255) continue;
    if (alpha === 0) { // most of the canvas of a small frame
      rgba[i] =
        rgba[i + 1] =
        rgba[i + 2] =
        rgba[i + 3] =
          255;
      continue;
    }
    const white = 255 * (255 - alpha);
    for (let c = i; c < i + 3; c++) rgba[c] = Math.round((rgba[c] * alpha + white) / 255);
    rgba[i + 3] = 255;
  }
}
