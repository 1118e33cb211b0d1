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
  const { count, valueAt } = samples.BYTES_PER_ELEMENT <= 2
    ? rankedIntegers(samples, layout)
    : rankedNumbers(samples as Uint32Array | Int32Array | Float32Array, layout);
  if (count === 0) throw new Error("its samples are not numbers");
  const percentile = (share: number) => {
    const position = share * (count - 1), rank = Math.floor(position), low = valueAt(rank);
    const step = position - rank;
    return step === 0 ? low : low + step * (valueAt(rank + 1) - low);
  };
  return { low: percentile(.01), high: percentile(.99) };
}

/** Samples in order. */
interface Ranked {
  count: number;
  /** The value of this rank. */
  valueAt(rank: number): number;
}

/** Integers of at most 16 bits, by their histogram. */
function rankedIntegers(samples: Samples, { channels, colors }: PixelLayout): Ranked {
  const histogram = new Uint32Array(1 << 16), hasAlpha = channels > colors;
  let count = 0;
  for (let i = 0; i < samples.length; i += channels) {
    if (hasAlpha && samples[i + colors] === 0) continue;
    for (let c = i; c < i + colors; c++) histogram[samples[c]]++;
    count += colors;
  }
  return { count, valueAt: (rank) => binOf(histogram, rank).index };
}

/** Numbers of 32 bits, by two histograms: of the upper halves of their keys, and of the lower ones in a bin of these. */
function rankedNumbers(samples: Uint32Array | Int32Array | Float32Array, layout: PixelLayout): Ranked {
  const keys = keysOf(samples, layout), upper = new Uint32Array(1 << 16);
  for (let i = 0; i < keys.length; i++) upper[keys[i] >>> 16]++;
  const lowers = new Map<number, Uint32Array>();
  const lowerOf = (bin: number) => {
    const lower = new Uint32Array(1 << 16);
    for (let i = 0; i < keys.length; i++) if (keys[i] >>> 16 === bin) lower[keys[i] & 0xffff]++;
    lowers.set(bin, lower);
    return lower;
  };
  return {
    count: keys.length,
    valueAt(rank) {
      const { index, rest } = binOf(upper, rank);
      return valueOf(index * 0x1_0000 + binOf(lowers.get(index) ?? lowerOf(index), rest).index, samples);
    },
  };
}

const SIGN = 0x8000_0000;

/** Unsigned keys in the order of the color samples, without those that do not count. */
function keysOf(
  samples: Uint32Array | Int32Array | Float32Array,
  { channels, colors }: PixelLayout,
): Uint32Array {
  const bits = new Uint32Array(samples.buffer, samples.byteOffset, samples.length);
  const isFloat = samples instanceof Float32Array, flip = samples instanceof Int32Array ? SIGN : 0;
  const keys = new Uint32Array(samples.length / channels * colors), hasAlpha = channels > colors;
  let count = 0;
  for (let i = 0; i < samples.length; i += channels) {
    if (hasAlpha && samples[i + colors] === 0) continue;
    for (let c = i; c < i + colors; c++) {
      if (Number.isNaN(samples[c])) continue;
      // Negative floating-point numbers are in reversed order.
      keys[count++] = !isFloat ? bits[c] ^ flip : bits[c] & SIGN ? ~bits[c] : bits[c] | SIGN;
    }
  }
  return keys.subarray(0, count);
}

/** The number of a key. */
function valueOf(key: number, samples: Uint32Array | Int32Array | Float32Array): number {
  if (samples instanceof Int32Array) return key ^ SIGN;
  if (samples instanceof Uint32Array) return key;
  return new Float32Array(Uint32Array.of(key & SIGN ? key & ~SIGN : ~key).buffer)[0];
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
