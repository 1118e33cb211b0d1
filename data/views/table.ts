/**
 * The parameters of views as the kernels read them: words of 32 bits.
 *
 * A record holds a view: a header, the weights of both axes of the resize as integers with 22 fractional bits, and those
 * of the blur. The weights are computed here, in float64 as Pillow does, so that the kernels' pixels are Pillow's.
 *
 * @module
 */
import { shortBlurWeights } from "./blur.ts";
import type { ViewParameters } from "./draw.ts";
import { resizeAxis } from "./resize.ts";

/** A decoded image, and what its views are to be. */
export interface PackedImage {
  /** [height, width, 4] */
  pixels: Uint8Array<ArrayBuffer>;
  /** The records of its views, one after the other, as {@linkcode RecordWriter} makes them. */
  records: Int32Array;
}

/**
 * The words of a header, by their place. The colour operations in their order are three blends, the hue, and three blends:
 * `blends` are the factors, `kinds` two bits for each, and what is not applied has factor 1.
 */
export const header = {
  words: 0,
  pixelsAt: 1,
  width: 2,
  rowsAt: 3,
  rowCount: 4,
  tapsAcross: 5,
  tapsDown: 6,
  flip: 7,
  blends: 8,
  kinds: 14,
  hue: 15,
  grayscale: 16,
  blurTaps: 17,
  solarize: 18,
  threshold: 19,
} as const;

/** How many times as long as `--decode-size` the long side of an image may be. */
export const MOST_OBLONG = 16;

/** The bytes of decoded images that are uploaded at once, at the most; an image of more cannot be used. */
export const UPLOAD_BYTES = 2 ** 27;

/** The length of a header. */
export const HEADER_WORDS = 20;

/** The most words that the record of a view can take whose crop has sides of up to `long` and `short` pixels. */
export function recordWords({ size, long, short, taps }: {
  size: number;
  long: number;
  short: number;
  /** Of the blur. */
  taps: number;
}): number {
  const axis = (side: number) => size * (2 + 2 * Math.ceil(2 * Math.max(1, side / size)));
  return HEADER_WORDS + axis(long) + axis(short) + taps;
}

/** Records put together. */
export class RecordWriter {
  #words = new Int32Array(1 << 12);
  #reals = new Float32Array(this.#words.buffer);
  #length = 0;

  /** How many words there are. */
  get length(): number {
    return this.#length;
  }

  /** A copy of all words; the writer begins anew. */
  take(): Int32Array<ArrayBuffer> {
    const words = this.#words.slice(0, this.#length);
    this.#length = 0;
    return words;
  }

  /**
   * Appends the record of a view of `size` × `size` pixels, from an image of `width` pixels a row. `pixelsAt` counts the
   * pixels from the image's first, and `rowsAt` is 0: whoever puts images together adds where they and their rows begin.
   */
  add(
    { crop, resized, flip, jitter, grayscale, blur, solarize }: ViewParameters,
    { width, size }: { width: number; size: number },
  ): void {
    const place = resized ?? { top: 0, left: 0, height: size, width: size };
    const across = resizeAxis(crop.width, { length: place.width, start: place.left, size });
    const down = resizeAxis(crop.height, { length: place.height, start: place.top, size });
    const blurred = blur && shortBlurWeights(blur), taps = blurred?.length ?? 0;
    const count = HEADER_WORDS + across.words.length + down.words.length + taps;
    const at = this.#grow(count), words = this.#words, reals = this.#reals;
    words[at + header.words] = count;
    words[at + header.pixelsAt] = (crop.top + down.from) * width + crop.left + across.from;
    words[at + header.width] = width;
    words[at + header.rowsAt] = 0;
    words[at + header.rowCount] = down.length;
    words[at + header.tapsAcross] = across.taps;
    words[at + header.tapsDown] = down.taps;
    words[at + header.flip] = Number(flip);
    packJitter(jitter, { at, words, reals });
    words[at + header.grayscale] = Number(grayscale);
    words[at + header.blurTaps] = taps;
    words[at + header.solarize] = Number(solarize !== null);
    reals[at + header.threshold] = solarize?.threshold ?? 0;
    const downAt = at + HEADER_WORDS + across.words.length;
    words.set(across.words, at + HEADER_WORDS);
    words.set(down.words, downAt);
    if (blurred) reals.set(blurred, downAt + down.words.length);
  }

  /** Makes room for `count` words, and returns where they begin. */
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

/** Brightness, contrast and saturation, as torchvision numbers them, are blends with black, the mean grey and the grey. */
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
