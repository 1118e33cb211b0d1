/**
 * Decodes images as a run uses them: shrunk for training, or as the view of an evaluation.
 *
 * @module
 */
import { decodeImage } from "./decode.ts";
import { evaluationView } from "./views/draw.ts";
import type { Recipe } from "./views/recipe.ts";
import { type DecodedImage, resizeCrop, resizeImage } from "./views/resize.ts";
import { cropsAreBounded, MAX_ASPECT_RATIO, MAX_UPLOAD_BYTES } from "./views/table.ts";

/** How training decodes images. */
export interface TrainingDecodeOptions {
  /** How contrast is stretched, and how views are drawn: very elongated crops need more memory. */
  recipe: Pick<Recipe, "views" | "stretch">;
  /** Larger images are shrunk to this short side, pixels. */
  decodeSize: number;
  /** Images with a shorter side, in pixels, are left out. Default: 1. */
  minSide?: number;
}

/**
 * The image in `bytes` for training: shrunk to a short side of `decodeSize` pixels if it is larger, and further if it is too
 * long for the upload to the GPU.
 *
 * @throws {Error} if it cannot be decoded; a LeftOutError if its short side is below `minSide`.
 */
export async function decodeForTraining(
  bytes: Uint8Array,
  { recipe, decodeSize, minSide }: TrainingDecodeOptions,
): Promise<DecodedImage> {
  const image = await decodeImage(bytes, { shortSide: decodeSize, minSide, stretch: recipe.stretch });
  const usable = fitted(image, {
    pixels: Math.min(MAX_UPLOAD_BYTES / 4, MAX_ASPECT_RATIO * decodeSize ** 2),
    side: cropsAreBounded(recipe) ? Infinity : MAX_ASPECT_RATIO * decodeSize,
  });
  return noted(usable, image);
}

/**
 * The image in `bytes` as an evaluation sees it: {@linkcode evaluationImage} of the whole image, never of a shrunk one.
 *
 * @throws {Error} if it cannot be decoded; a LeftOutError if its short side is below `minSide`.
 */
export async function decodeForEvaluation(
  bytes: Uint8Array,
  { recipe, size, minSide }: { recipe?: Pick<Recipe, "stretch">; size: number; minSide?: number },
): Promise<DecodedImage> {
  const image = await decodeImage(bytes, { minSide, stretch: recipe?.stretch });
  return noted(evaluationImage(image, size), image);
}

/**
 * The view of `size` × `size` pixels of `image` in evaluations, as torchvision's Resize(size, BICUBIC) and CenterCrop(size):
 * larger images are shrunk, smaller ones enlarged.
 */
export function evaluationImage(image: DecodedImage, size: number): DecodedImage {
  if (image.width === size && image.height === size) return image;
  const { crop, resized } = evaluationView({ ...image, size });
  const data = new Uint8Array(size * size * 4);
  resizeCrop(image, { crop, resized, width: size, height: size, out: data });
  return { width: size, height: size, data };
}

/** `image` with the note about the one that it was made of. */
function noted(image: DecodedImage, { note }: DecodedImage): DecodedImage {
  return note === undefined ? image : { ...image, note };
}

/** `image` with at most so many `pixels`, and a long side of at most `side`. */
function fitted(image: DecodedImage, { pixels, side }: { pixels: number; side: number }): DecodedImage {
  const { width, height } = image, long = Math.max(width, height), short = Math.min(width, height);
  const scale = Math.min(Math.sqrt(pixels / (width * height)), side / long);
  if (scale >= 1) return image;
  const newShort = Math.max(1, Math.floor(scale * short));
  const newLong = Math.floor(Math.min(scale * long, pixels / newShort));
  const [newWidth, newHeight] = width > height ? [newLong, newShort] : [newShort, newLong];
  return resizeImage(image, { width: newWidth, height: newHeight });
}
