/**
 * Samples of more than 8 bits, and how they become bytes: by a fixed range, or by that of the image's percentiles.
 *
 * @module
 */

/** Samples as the file has them; 64-bit numbers are rounded to 32 bits. */
export type Samples = Uint8Array | Uint8ClampedArray | Uint16Array | Uint32Array | Int32Array | Float32Array;

/** How the samples of a pixel lie: `colors` of them count; if there are more, the next is its alpha. */
export interface PixelLayout {
  /** Samples per pixel. */
  channels: number;
  colors: number;
}

/** Values from `low` to `high` become 0 to 255. */
export interface Range {
  low: number;
  high: number;
}

/** The smallest and the largest color sample; NaN is left out. Infinite bounds if there are no others. */
export function extremes(samples: Samples, { channels, colors }: PixelLayout): Range {
  let low = Infinity, high = -Infinity;
  for (let i = 0; i < samples.length; i += channels) {
    for (let c = i; c < i + colors; c++) {
      if (samples[c] < low) low = samples[c];
      if (samples[c] > high) high = samples[c];
    }
  }
  return { low, high };
}

/**
 * The 1st and the 99th percentile of all color samples together, as numpy.percentile: interpolated between the two nearest
 * ranks. NaN and the samples of pixels whose alpha is 0 are left out. Throws an Error if none is left.
 */
export function percentileRange(samples: Samples, layout: PixelLayout): Range {
  const keys = orderedKeys(samples), upper = new Uint32Array(1 << 16);
  const count = tally(keys, layout, { of: (key) => key >>> 16, into: upper });
  if (count === 0) throw new Error("its samples are not numbers");
  const at = (rank: number) => keys.valueOf(keyAt(keys, layout, { rank, upper }));
  const percentile = (share: number) => {
    const position = share * (count - 1), rank = Math.floor(position), low = at(rank);
    const step = position - rank;
    return step === 0 ? low : low + step * (at(rank + 1) - low);
  };
  return { low: percentile(.01), high: percentile(.99) };
}

/** Unsigned 32-bit keys in the order of the samples. */
interface Keys {
  samples: Samples;
  /** The samples' bits. */
  bits: Samples;
  keyOf(bits: number): number;
  valueOf(key: number): number;
}

const SIGN = 0x8000_0000;

function orderedKeys(samples: Samples): Keys {
  if (samples instanceof Float32Array) {
    const bits = new Uint32Array(samples.buffer, samples.byteOffset, samples.length);
    const word = new Uint32Array(1), value = new Float32Array(word.buffer);
    return {
      samples,
      bits,
      // Negative numbers are in reversed order.
      keyOf: (bits) => (bits & SIGN ? ~bits : bits | SIGN) >>> 0,
      valueOf(key) {
        word[0] = key & SIGN ? key & ~SIGN : ~key;
        return value[0];
      },
    };
  }
  if (samples instanceof Int32Array) {
    return { samples, bits: samples, keyOf: (bits) => (bits ^ SIGN) >>> 0, valueOf: (key) => key ^ SIGN };
  }
  return { samples, bits: samples, keyOf: (bits) => bits, valueOf: (key) => key };
}

/** Counts the color samples by `of` their keys, which may leave one out by −1. Returns how many it counted. */
function tally(
  { samples, bits, keyOf }: Keys,
  { channels, colors }: PixelLayout,
  { of, into }: { of(key: number): number; into: Uint32Array },
): number {
  const hasAlpha = channels > colors;
  let count = 0;
  for (let i = 0; i < samples.length; i += channels) {
    if (hasAlpha && samples[i + colors] === 0) continue;
    for (let c = i; c < i + colors; c++) {
      const bin = Number.isNaN(samples[c]) ? -1 : of(keyOf(bits[c]));
      if (bin < 0) continue;
      into[bin]++;
      count++;
    }
  }
  return count;
}

/** The key of this rank, by `upper`, the histogram of upper halves, and one of the lower halves in its bin. */
function keyAt(
  keys: Keys,
  layout: PixelLayout,
  { rank, upper }: { rank: number; upper: Uint32Array },
): number {
  const bin = binOf(upper, rank), lower = new Uint32Array(1 << 16);
  tally(keys, layout, { of: (key) => key >>> 16 === bin.index ? key & 0xffff : -1, into: lower });
  return bin.index * 0x1_0000 + binOf(lower, bin.rest).index;
}

/** The bin that holds this rank, and the rank within it. */
function binOf(histogram: Uint32Array, rank: number): { index: number; rest: number } {
  for (let index = 0; index < histogram.length; index++) {
    if (rank < histogram[index]) return { index, rest: rank };
    rank -= histogram[index];
  }
  throw new RangeError(`there is no rank ${rank}`);
}

/**
 * Writes the color samples to `out`, as bytes. What lies outside the range becomes 0 or 255, and NaN 0. If the range is
 * empty, what exceeds it becomes 255.
 */
export function toBytes(
  samples: Samples,
  { channels, colors }: PixelLayout,
  { low, high, out, outChannels }: Range & {
    out: Uint8Array | Uint8ClampedArray;
    /** Samples per pixel of `out`. */
    outChannels: number;
  },
): void {
  const scale = 255 / (high - low);
  for (let i = 0, o = 0; i < samples.length; i += channels, o += outChannels) {
    for (let c = 0; c < colors; c++) {
      const value = samples[i + c];
      out[o + c] = value > low ? value < high ? Math.round((value - low) * scale) : 255 : 0;
    }
  }
}
