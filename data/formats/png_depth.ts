/**
 * PNG of 16-bit samples where the high byte alone would not do: those that are to be stretched, and those whose values are
 * small because a camera has fewer bits.
 *
 * @module
 */
import type { DecodeOptions, Pixels } from "./format.ts";
import { readPngSamples } from "./png_data.ts";
import { percentileRange, type PixelLayout, toBytes } from "./samples.ts";

/**
 * The pixels of a PNG of 16 bits, of which the sBIT chunk calls `significant` ones significant; null if its high bytes are
 * what it shows.
 */
export function decodeDeepPng(
  bytes: Uint8Array,
  { width, height, significant, stretch }: DecodeOptions & {
    width: number;
    height: number;
    significant: number;
  },
): Pixels | null {
  const { samples, pixel, transparent } = readPngSamples(bytes), { channels, colors } = pixel;
  if (!stretch && !isUnscaled(samples, pixel, significant)) return null;
  const data = new Uint8Array(4 * width * height);
  if (stretch) toBytes(samples, pixel, { ...percentileRange(samples, pixel), out: data, outChannels: 4 });
  for (let i = 0, o = 0; o < data.length; i += channels, o += 4) {
    for (let c = 0; c < colors && !stretch; c++) data[o + c] = samples[i + c] << (16 - significant) >> 8;
    if (colors === 1) data[o + 1] = data[o + 2] = data[o];
    const isClear = transparent?.every((value, c) => value === samples[i + c]);
    data[o + 3] = channels > colors ? samples[i + colors] >> 8 : isClear ? 0 : 255;
  }
  return { width, height, data, stretched: stretch !== undefined };
}

/**
 * Whether samples of `significant` bits were stored as they are. The standard has them scaled to 16 bits; the lower bits are
 * then zeros or repeat the higher ones, which are zeros too if all values are small.
 */
function isUnscaled(samples: Uint16Array, { channels, colors }: PixelLayout, significant: number): boolean {
  const end = 2 ** significant, low = 2 ** (16 - significant) - 1;
  let usesLowBits = false;
  for (let i = 0; i < samples.length; i += channels) {
    for (let c = i; c < i + colors; c++) {
      if (samples[c] >= end) return false;
      if (samples[c] & low) usesLowBits = true;
    }
  }
  return usesLowBits;
}
