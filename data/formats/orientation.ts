/**
 * EXIF orientation (EXIF 2.3, tag 274), applied as by PIL.ImageOps.exif_transpose.
 *
 * @module
 */
import type { DecodedImage } from "../views/resize.ts";
import { Directory } from "./directory.ts";
import { ascii } from "./format.ts";

/** The tag of the orientation. */
export const ORIENTATION = 274;

/** The orientation in an EXIF block, 1 … 8; 1, upright, if the block is damaged or has none. */
export function exifOrientation(exif: Uint8Array): number {
  if (ascii(exif, 0, 6) === "Exif\0\0") exif = exif.subarray(6);
  try {
    return new Directory(exif, "EXIF block").values(ORIENTATION)?.[0] ?? 1;
  } catch {
    return 1; // no reason to reject the image
  }
}

/** How the stored pixels of an image lie that is to be turned upright. */
export interface Turn {
  /** Whether upright lines begin at the right of the stored image. */
  fromRight: boolean;
  /** Whether upright lines begin at the bottom of the stored image. */
  fromBottom: boolean;
  /** Whether upright rows are stored as columns. */
  isTransposed: boolean;
}

/** The turn of an EXIF orientation; none if it is not valid. */
export function turnOf(orientation = 1): Turn {
  return {
    fromRight: [2, 3, 7, 8].includes(orientation),
    fromBottom: [3, 4, 6, 7].includes(orientation),
    isTransposed: orientation >= 5 && orientation <= 8,
  };
}

/** `image` turned and mirrored upright; itself if it is upright, or if `orientation` is not valid. */
export function upright(image: DecodedImage, orientation = 1): DecodedImage {
  if (orientation < 2 || orientation > 8) return image;
  const { width, height, data } = image;
  const pixels = new Uint32Array(data.buffer, data.byteOffset, width * height);
  const turned = new Uint32Array(width * height);
  const { fromRight, fromBottom, isTransposed } = turnOf(orientation);
  const across = fromRight ? -1 : 1, down = fromBottom ? -width : width;
  const start = (fromRight ? width - 1 : 0) + (fromBottom ? (height - 1) * width : 0);
  const size = isTransposed ? { width: height, height: width } : { width, height };
  const [toRight, toNextLine] = isTransposed ? [down, across] : [across, down];
  for (let y = 0, o = 0; y < size.height; y++) {
    for (let x = 0, i = start + y * toNextLine; x < size.width; x++, i += toRight) turned[o++] = pixels[i];
  }
  return { ...size, data: new Uint8Array(turned.buffer) };
}
