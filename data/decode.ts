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
import { checkSize, type Format, MAX_PIXELS, type Rows, type Stretch } from "./formats/format.ts";
import { gif } from "./formats/gif.ts";
import { heif } from "./formats/heif.ts";
import { jpeg } from "./formats/jpeg.ts";
import { jxl } from "./formats/jxl.ts";
import { kindOf } from "./formats/kind.ts";
import { upright } from "./formats/orientation.ts";
import { png } from "./formats/png.ts";
import { pnm } from "./formats/pnm.ts";
import { collectRows } from "./formats/rows.ts";
import { percentileRange, toBytes } from "./formats/samples.ts";
import { tiff } from "./formats/tiff.ts";
import { webp } from "./formats/webp.ts";
import { LeftOutError } from "./rejection.ts";
import { shrinkRows } from "./shrink_rows.ts";

export { MAX_PIXELS, type Stretch };

const formats: Format[] = [jpeg, png, webp, gif, tiff, bmp, pnm, heif, jxl];

/** Larger images are decoded row by row where their format allows it: 16 megapixels, 64 MB decoded. */
const MAX_WHOLE_PIXELS = 16e6;

/**
 * Decodes an image. EXIF orientation is applied, transparency is blended with white, and of animations and multi-page files
 * the first frame or page is taken. With `shortSide`, a larger image is shrunk to that short side in pixels. With `stretch`
 * "percentile", the 1st percentile of its samples becomes black and the 99th white, computed from the depth of the file.
 *
 * @throws {Error} if the file is damaged or not supported; the message says why. A LeftOutError, before anything is decoded,
 * if the header says that the short side has fewer than `minSide` pixels.
 * @throws {MachineError} if a decoder cannot be loaded.
 */
export async function decodeImage(
  bytes: Uint8Array,
  { shortSide = Infinity, minSide = 1, stretch }: {
    shortSide?: number;
    minSide?: number;
    stretch?: Stretch;
  } = {},
): Promise<DecodedImage> {
  const { width, height, orientation, opaque, bits, decode, rows } = formatOf(bytes).readHeader(bytes);
  checkSize(width, height);
  if (Math.min(width, height) < minSide) {
    throw new LeftOutError(`its ${width}×${height} pixels are below the minimum side of ${minSide}`);
  }
  const byRows = rows && !stretch && width * height > MAX_WHOLE_PIXELS;
  const isDeep = bits === 16 && !stretch;
  if (byRows && Math.min(width, height) > shortSide) {
    const small = await shrinkRows(opaque ? rows() : onWhite(rows()), {
      width,
      height,
      orientation,
      shortSide,
    });
    return isDeep && isNearlyBlack(small.data) ? { ...small, note: NEARLY_BLACK } : small;
  }
  const decoded = byRows ? await collectRows(rows(), { width, height }) : await decode({ stretch });
  if (decoded.width !== width || decoded.height !== height) {
    throw new Error(
      `its header says ${width}×${height} pixels, but it decodes to ${decoded.width}×${decoded.height}`,
    );
  }
  const { buffer, byteOffset, length } = decoded.data;
  const data = new Uint8Array(buffer as ArrayBuffer, byteOffset, length);
  if (stretch && !decoded.stretched) stretchBytes(data);
  const note = bits === 16 && !stretch && isNearlyBlack(data) ? NEARLY_BLACK : undefined;
  if (!opaque) blendWithWhite(data);
  return { ...shrinkImage(upright({ width, height, data }, orientation), shortSide), ...note && { note } };
}

/** Stretches RGBA in place. */
function stretchBytes(rgba: Uint8Array): void {
  const pixel = { channels: 4, colors: 3 };
  if (rgba.every((value, i) => i % 4 < 3 || value === 0)) return; // nothing is to be seen
  toBytes(rgba, pixel, { ...percentileRange(rgba, pixel), out: rgba, outChannels: 4 });
}

/** About 16-bit images with 12 or fewer bits in use, as cameras and scanners leave them. */
const NEARLY_BLACK =
  "its 16-bit samples are all below 4096, so it is almost black: scale them, or stretch them by the recipe";

function isNearlyBlack(rgba: Uint8Array): boolean {
  for (let i = 0; i < rgba.length; i += 4) {
    if (rgba[i] > 15 || rgba[i + 1] > 15 || rgba[i + 2] > 15) return false;
  }
  return true;
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
