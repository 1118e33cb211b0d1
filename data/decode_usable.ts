/** Decodes an image, and checks that a run can use it. */
import { checkImageSize } from "./views/draw.ts";
import type { DecodedImage } from "./views/resize.ts";
import { MAX_ASPECT_RATIO, MAX_UPLOAD_BYTES } from "./views/table.ts";
import { decodeImage, type Stretch } from "./decode.ts";

/**
 * The image in `bytes`, shrunk to a short side of `decodeSize` pixels if it is larger. Throws an Error if it cannot be
 * decoded, is smaller than a view of `size` pixels, or is too long for the upload buffer.
 */
export async function decodeUsable(
  bytes: Uint8Array,
  { size, decodeSize, stretch }: { size: number; decodeSize: number; stretch?: Stretch },
): Promise<DecodedImage> {
  const image = await decodeImage(bytes, { shortSide: decodeSize, stretch });
  const { width, height } = image;
  checkImageSize({ width, height, size });
  const long = Math.max(width, height),
    longest = Math.min(MAX_ASPECT_RATIO * decodeSize, MAX_UPLOAD_BYTES / 4 / Math.min(width, height));
  if (long <= longest) return image;
  throw new Error(
    `its ${width}×${height} pixels are too long: at a decode size of ${decodeSize} the long side may have ` +
      `${Math.floor(longest)}`,
  );
}
