/**
 * TIFF samples whose range the number of bits does not tell: floating-point numbers, signed integers, integers of more than
 * 16 bits; and samples of more than 8 bits that are to be stretched.
 *
 * @module
 */
import type { DecodeOptions } from "./format.ts";
import { extremes, percentileRange, type PixelLayout, type Range, type Samples, toBytes } from "./samples.ts";
import { COLOR_SAMPLES, type Layout } from "./tiff_layout.ts";

/** Whether the image is decoded in full depth: its range is in its samples, or is to be stretched. */
export function hasNumbers({ format, bits, photometric }: Layout, { stretch }: DecodeOptions): boolean {
  return format !== 1 || bits > 16 || stretch !== undefined && bits > 8 && photometric <= 2;
}

/** The samples of a pixel that are kept: its colors, and alpha. */
export function pixelLayout({ photometric, alpha }: Layout): PixelLayout {
  const colors = COLOR_SAMPLES[photometric];
  return { colors, channels: colors + (alpha === 1 || alpha === 2 ? 1 : 0) };
}

/**
 * Samples as bytes, four per pixel. Floating-point numbers from 0 to 1 and integers from 0 to 255 become 0 to 255, as
 * programs write them that convert between depths. If others occur, an image does not tell what is black and what is white:
 * throws an Error then, unless the image is to be stretched.
 */
export function numbersToBytes(
  samples: Samples,
  layout: Layout,
  { stretch }: DecodeOptions,
): Uint8Array<ArrayBuffer> {
  const pixel = pixelLayout(layout), { channels, colors } = pixel, isFloat = layout.format === 3;
  const range = stretch ? percentileRange(samples, pixel) : plainRange(samples, { pixel, isFloat });
  const out = new Uint8Array(4 * (samples.length / channels));
  toBytes(samples, pixel, { ...range, out, outChannels: 4 });
  if (channels > colors) {
    const top = isFloat ? 1 : 2 ** (layout.format === 2 ? layout.bits - 1 : layout.bits) - 1;
    const alpha = { channels, colors: 1 };
    toBytes(samples.subarray(colors), alpha, {
      low: 0,
      high: top,
      out: out.subarray(colors),
      outChannels: 4,
    });
  }
  return out;
}

/** 0 to 1, or 0 to 255, if all samples are in it. */
function plainRange(
  samples: Samples,
  { pixel, isFloat }: { pixel: PixelLayout; isFloat: boolean },
): Range {
  const high = isFloat ? 1 : 255, found = extremes(samples, pixel);
  if (found.low >= 0 && found.high <= high) return { low: 0, high };
  if (found.low > found.high) throw new Error("its samples are not numbers");
  const text = (value: number) => `${Number(value.toPrecision(4))}`.toLowerCase(); // also "infinity"
  const kind = isFloat ? "floating-point samples" : "integer samples";
  throw new Error(
    `its ${kind} reach from ${text(found.low)} to ${
      text(found.high)
    }, and only 0 … ${high} is unambiguous: ` +
      `scale them, or stretch them by the recipe`,
  );
}
