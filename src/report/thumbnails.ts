/**
 * Small pictures of the images of an evaluation, taken as their batches pass.
 *
 * @module
 */
import { VIEW_CHANNELS } from "../../data/views/apply.ts";
import type { Recipe } from "../../data/views/recipe.ts";
import type { ImageBatch, Images } from "../eval/features.ts";
import type { ObservedImage, Thumbnail } from "./observer.ts";

/** The longest side: several fit in a row on a phone. */
const MAX_SIDE = 64;

/** A batch that names its images. */
type NamedBatch = ImageBatch<Images> & { indices: number[]; keys: string[] };

/** An image as data: its picture in base 64, null if it is known. */
interface PackedImage extends Omit<ObservedImage, "thumbnail"> {
  thumbnail: { side: number; pixels: string } | null;
}

/** Takes pictures of images of `size` pixels; of each image once. */
export class Thumbnails {
  readonly #options: { size: number; recipe: Pick<Recipe, "mean" | "std"> };
  readonly #taken = new Map<number, Thumbnail>();
  /** The images whose pictures rank 0 has of this rank. */
  readonly #told = new Set<number>();

  /** `recipe` normalizes the images if they come as views. */
  constructor(options: { size: number; recipe: Pick<Recipe, "mean" | "std"> }) {
    this.#options = options;
  }

  /** `batches` as they are; their images are appended to `images`. */
  async *of<B extends NamedBatch>(batches: AsyncIterable<B>, images: ObservedImage[]): AsyncGenerator<B> {
    for await (const batch of batches) {
      batch.keys.forEach((key, i) => {
        const index = batch.indices[i];
        const thumbnail = this.#taken.get(index) ?? this.#take(batch.images, i);
        this.#taken.set(index, thumbnail);
        images.push({ index, key, thumbnail });
      });
      yield batch;
    }
  }

  /** `images` as data for rank 0, which gets the picture of each once. */
  pack(images: readonly ObservedImage[]): PackedImage[] {
    return images.map(({ index, key, thumbnail: { side, pixels } }) => {
      const isNew = !this.#told.has(index);
      this.#told.add(index);
      return { index, key, thumbnail: isNew ? { side, pixels: pixels.toBase64() } : null };
    });
  }

  /** What the ranks packed, on rank 0. */
  unpack(packed: readonly PackedImage[] | null): ObservedImage[] | null {
    if (!packed) return null;
    return packed.map(({ index, key, thumbnail: told }) => {
      const taken = this.#taken.get(index);
      const thumbnail = taken ?? { side: told!.side, pixels: Uint8Array.fromBase64(told!.pixels) };
      this.#taken.set(index, thumbnail);
      return { index, key, thumbnail };
    });
  }

  /** The picture of image `i` of a batch. */
  #take(images: Images, i: number): Thumbnail {
    const { size, recipe: { mean, std } } = this.#options;
    if (!ArrayBuffer.isView(images)) return thumbnailOf(images[i].pixels, size);
    const length = size * size * VIEW_CHANNELS, pixels = new Uint8ClampedArray(length);
    const normalized = images.subarray(i * length, (i + 1) * length);
    for (let at = 0; at < length; at++) {
      const c = at % VIEW_CHANNELS;
      pixels[at] = c < 3 ? 255 * (normalized[at] * std[c] + mean[c]) : 255;
    }
    return thumbnailOf(pixels, size);
  }
}

/** The picture of `pixels`, [size, size, 4]: averages of about equal squares, so that nothing flickers. */
export function thumbnailOf(pixels: ArrayLike<number>, size: number): Thumbnail {
  const side = Math.min(size, MAX_SIDE), small = new Uint8Array(side * side * 3);
  const edge = (i: number) => Math.floor(i * size / side);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const top = edge(y), bottom = edge(y + 1), left = edge(x), right = edge(x + 1);
      let r = 0, g = 0, b = 0;
      for (let row = top; row < bottom; row++) {
        for (let at = (row * size + left) * 4; at < (row * size + right) * 4; at += 4) {
          r += pixels[at], g += pixels[at + 1], b += pixels[at + 2];
        }
      }
      const n = (bottom - top) * (right - left);
      small.set([Math.round(r / n), Math.round(g / n), Math.round(b / n)], (y * side + x) * 3);
    }
  }
  return { side, pixels: small };
}
