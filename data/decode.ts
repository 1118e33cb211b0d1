/**
 * Decodes JPEG, PNG, WebP, GIF, TIFF and PPM images, recognized by their first bytes.
 *
 * The modules of formats/ read the header before a decoder sees the bytes. That gives the size to allocate, and finds the
 * truncated files and color spaces that the decoders accept silently or reject with a bare number.
 *
 * @module
 */
import { type DecodedImage, shrinkImage } from "./views/resize.ts";
import { checkSize, type Format, MAX_PIXELS } from "./formats/format.ts";
import { gif } from "./formats/gif.ts";
import { jpeg } from "./formats/jpeg.ts";
import { upright } from "./formats/orientation.ts";
import { png } from "./formats/png.ts";
import { ppm } from "./formats/ppm.ts";
import { tiff } from "./formats/tiff.ts";
import { webp } from "./formats/webp.ts";
import { LeftOutError } from "./rejection.ts";

export { MAX_PIXELS };

const formats: Format[] = [jpeg, png, webp, gif, tiff, ppm];

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
  const { width, height, orientation, opaque, decode } = formatOf(bytes).readHeader(bytes);
  checkSize(width, height);
  if (Math.min(width, height) < minSide) {
    throw new LeftOutError(`its ${width}×${height} pixels are below the minimum side of ${minSide}`);
  }
  const decoded = await decode();
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
  const format = formats.find(({ matches }) => matches(bytes));
  if (format) return format;
  if (bytes.length === 0) throw new Error("it is empty");
  const first = [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const names = formats.map(({ name }) => name).join(", ").replace(/, (\w+)$/, " or $1");
  throw new Error(`it is not a ${names} file: it starts with ${first}`);
}

/** Blends transparent pixels with white, in place. */
function blendWithWhite(rgba: Uint8Array): void {
  for (let i = 0; i < rgba.length; i += 4) {
    const alpha = rgba[i + 3];
    if (alpha === 255) continue;
    const white = 255 * (255 - alpha);
    for (let c = i; c < i + 3; c++) rgba[c] = Math.round((rgba[c] * alpha + white) / 255);
    rgba[i + 3] = 255;
  }
}
