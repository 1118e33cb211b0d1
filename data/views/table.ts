/**
 * The parameters of views in the format of the GPU kernels: words of 32 bits.
 *
 * A record describes a view: a header, the weights of both resize axes as integers with 22 fractional bits, and those of the
 * blur. The weights are computed here in float64, as in Pillow, so that the kernels give Pillow's pixels.
 *
 * @module
 */
import { shortBlurWeights } from "./blur.ts";
import type { ViewParameters } from "./draw.ts";
import type { Recipe } from "./recipe.ts";
import { resizeAxis } from "./resize.ts";

/** A decoded image, and the parameters of its views. */
export interface PackedImage {
  /** [height, width, 4] */
  pixels: Uint8Array<ArrayBuffer>;
  /** The records of its views, one after another, as {@linkcode RecordWriter} makes them. */
  records: Int32Array;
}

/**
 * The indices of the words in a header. The color operations are, in order, three blends, the hue and three blends: `blends`
 * holds their factors, `kinds` two bits for each. A blend that does not apply has factor 1.
 */
export const header = {
  words: 0,
  pixelsAt: 1,
  width: 2,
  rowsAt: 3,
  rowCount: 4,
  kernelSizeAcross: 5,
  kernelSizeDown: 6,
  flip: 7,
  blends: 8,
  kinds: 14,
  hue: 15,
  grayscale: 16,
  blurKernelSize: 17,
  solarize: 18,
  threshold: 19,
} as const;

/**
 * The largest aspect ratio of an image whose short side has the decode size. Longer images are shrunk to as many pixels; those
 * with a smaller short side may be longer, as their views need no more memory.
 */
export const MAX_ASPECT_RATIO = 16;

/** The largest upload of decoded images in bytes. */
export const MAX_UPLOAD_BYTES = 2 ** 27;

/**
 * Whether no crop of `views` has a side of more than {@linkcode MAX_ASPECT_RATIO} times the decode size, however long the image
 * is. One less leaves room for the rounding of crops.
 */
export function cropsAreBounded({ views }: Pick<Recipe, "views">): boolean {
  return views.every(({ crop }) =>
    !crop || Math.max(crop.ratio[1], 1 / crop.ratio[0]) < MAX_ASPECT_RATIO - 1
  );
}

/** Words in a header. */
export const HEADER_WORDS = 20;

/** The largest number of words of a view's record, if its crop has sides of up to `long` and `short` pixels. */
export function recordWords({ size, long, short, kernelSize }: {
  size: number;
  long: number;
  short: number;
  /** The kernel size of the blur; 0 without one. */
  kernelSize: number;
}): number {
  const axis = (side: number) => size * (2 + 2 * Math.ceil(2 * Math.max(1, side / size)));
  return HEADER_WORDS + axis(long) + axis(short) + kernelSize;
}

/** Collects records in one array. */
export class RecordWriter {
  #words = new Int32Array(1 << 12);
  #reals = new Float32Array(this.#words.buffer);
  #length = 0;

  /** The number of words. */
  get length(): number {
    return this.#length;
  }

  /** A copy of all words; empties the writer. */
  take(): Int32Array<ArrayBuffer> {
    const words = this.#words.slice(0, this.#length);
    this.#length = 0;
    return words;
  }

  /**
   * Appends the record of a view of `size` × `size` pixels, from an image of `width` pixels per row. `pixelsAt` counts from the
   * image's first pixel and `rowsAt` is 0: the uploader, which joins images, adds where they and their rows begin.
   */
  add(
    { crop, resized, flip, jitter, grayscale, blur, solarize }: ViewParameters,
    { width, size }: { width: number; size: number },
  ): void {
    const target = resized ?? { top: 0, left: 0, height: size, width: size };
    const across = resizeAxis(crop.width, { length: target.width, start: target.left, size });
    const down = resizeAxis(crop.height, { length: target.height, start: target.top, size });
    const blurred = blur && shortBlurWeights(blur), kernelSize = blurred?.length ?? 0;
    const count = HEADER_WORDS + across.words.length + down.words.length + kernelSize;
    const at = this.#grow(count), words = this.#words, reals = this.#reals;
    words[at + header.words] = count;
    words[at + header.pixelsAt] = (crop.top + down.from) * width + crop.left + across.from;
    words[at + header.width] = width;
    words[at + header.rowsAt] = 0;
    words[at + header.rowCount] = down.length;
    words[at + header.kernelSizeAcross] = across.kernelSize;
    words[at + header.kernelSizeDown] = down.kernelSize;
    words[at + header.flip] = Number(flip);
    packJitter(jitter, { at, words, reals });
    words[at + header.grayscale] = Number(grayscale);
    words[at + header.blurKernelSize] = kernelSize;
    words[at + header.solarize] = Number(solarize !== null);
    reals[at + header.threshold] = solarize?.threshold ?? 0;
    const downAt = at + HEADER_WORDS + across.words.length;
    words.set(across.words, at + HEADER_WORDS);
    words.set(down.words, downAt);
    if (blurred) reals.set(blurred, downAt + down.words.length);
  }

  /** Makes room for `count` words, and returns the index of the first. */
  #grow(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#words.length) {
      const words = new Int32Array(2 * this.#length);
      words.set(this.#words);
      this.#words = words;
      this.#reals = new Float32Array(words.buffer);
    }
    return at;
  }
}

/** Brightness, contrast and saturation are blends with black, with the mean gray and with the gray of the pixel. */
function packJitter(
  jitter: ViewParameters["jitter"],
  { at, words, reals }: { at: number; words: Int32Array; reals: Float32Array },
): void {
  const blends = at + header.blends;
  for (let slot = 0; slot < 6; slot++) reals[blends + slot] = 1;
  let kinds = 0;
  if (jitter) {
    const { order } = jitter, turn = order.indexOf(3);
    for (let k = 0; k < 4; k++) {
      const operation = order[k];
      if (operation === 3) continue;
      const slot = k < turn ? k : k + 2; // those after the hue begin at 3
      reals[blends + slot] = operation === 0
        ? jitter.brightness
        : operation === 1
        ? jitter.contrast
        : jitter.saturation;
      kinds |= operation << 2 * slot;
    }
  }
  words[at + header.kinds] = kinds;
  reals[at + header.hue] = jitter?.hue ?? 0;
}
