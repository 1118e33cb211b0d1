/** Decodes an image for a run, if it is one that the run can use. */
import { expectLarge } from "./views/draw.ts";
import type { DecodedImage } from "./views/resize.ts";
import { MOST_OBLONG, UPLOAD_BYTES } from "./views/table.ts";
import { decodeImage } from "./decode.ts";

/**
 * The image in `bytes`, shrunk to a short side of `decodeSize` pixels if it is larger. Throws an Error that says why it
 * cannot be decoded, or that it is too small for views of `size` pixels, or too oblong for the memory set apart.
 */
export async function decodeUsable(
  bytes: Uint8Array,
  { size, decodeSize }: { size: number; decodeSize: number },
): Promise<DecodedImage> {
  const image = await decodeImage(bytes, { shortSide: decodeSize });
  const { width, height } = image;
  expectLarge({ width, height, size });
  const long = Math.max(width, height),
    most = Math.min(MOST_OBLONG * decodeSize, UPLOAD_BYTES / 4 / Math.min(width, height));
  if (long <= most) return image;
  throw new Error(
    `its ${width}×${height} pixels are too oblong: the long side may have ${
      Math.floor(most)
    } at this --decode-size`,
  );
}
