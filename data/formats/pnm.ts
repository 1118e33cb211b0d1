/**
 * Netpbm's formats: PBM, PGM, PPM, as text and as bytes, and PAM.
 *
 * @module
 */
import { checkSize, type Format, type Pixels } from "./format.ts";
import { type PnmLayout, readPnmLayout } from "./pnm_header.ts";
import { collectRows } from "./rows.ts";
import { percentileRange, toBytes } from "./samples.ts";

/** P1 … P7 with samples of up to 16 bits; of several images in a file the first. */
export const pnm: Format = {
  name: "PNM",
  readHeader(bytes) {
    const layout = readPnmLayout(bytes), { width, height, depth } = layout;
    checkSize(width, height);
    const body = bytes.subarray(layout.start);
    const missing = leastBytes(layout) - body.length;
    if (missing > 0) throw new Error(`it is a truncated PNM: ${missing} bytes are missing`);
    const rows = () => rowsOf(body, layout);
    return {
      width,
      height,
      opaque: depth % 2 === 1,
      bits: layout.most > 4095 ? 16 : 8,
      rows,
      decode: ({ stretch } = {}) =>
        stretch && layout.most > 255 ? stretchedPixels(body, layout) : collectRows(rows(), { width, height }),
    };
  },
};

/** Bytes of a row; in text at least. */
function lineBytes({ width, depth, most, coding }: PnmLayout): number {
  return coding === "bits"
    ? Math.ceil(width / 8)
    : width * depth * (most > 255 && coding === "bytes" ? 2 : 1);
}

function leastBytes(layout: PnmLayout): number {
  return lineBytes(layout) * layout.height;
}

/** The rows as RGBA, from top to bottom. */
function* rowsOf(bytes: Uint8Array, layout: PnmLayout): Generator<Uint8Array> {
  const { width, height, depth, isInverted } = layout;
  const row = new Uint8Array(4 * width).fill(255), samples = new Uint16Array(width * depth);
  const readLine = reader(bytes, layout), scaled = scale(layout.most);
  if (isInverted) scaled.reverse();
  const hasAlpha = depth % 2 === 0, colors = hasAlpha ? depth - 1 : depth;
  for (let y = 0; y < height; y++) {
    readLine(samples, y);
    for (let x = 0, i = 0, o = 0; x < width; x++, i += depth, o += 4) {
      row[o] = scaled[samples[i]];
      row[o + 1] = colors === 1 ? row[o] : scaled[samples[i + 1]];
      row[o + 2] = colors === 1 ? row[o] : scaled[samples[i + 2]];
      if (hasAlpha) row[o + 3] = scaled[samples[i + colors]];
    }
    yield row;
  }
}

/** The pixels with contrast stretched from samples of more than 8 bits. */
function stretchedPixels(bytes: Uint8Array, layout: PnmLayout): Pixels {
  const { width, height, depth } = layout, colors = depth < 3 ? 1 : 3, pixel = { channels: depth, colors };
  const samples = new Uint16Array(width * height * depth), line = width * depth;
  const readLine = reader(bytes, layout), data = new Uint8Array(4 * width * height).fill(255);
  for (let y = 0; y < height; y++) readLine(samples.subarray(y * line, (y + 1) * line), y);
  toBytes(samples, pixel, { ...percentileRange(samples, pixel), out: data, outChannels: 4 });
  for (let i = 0, o = 0; o < data.length; i += depth, o += 4) {
    if (colors === 1) data[o + 1] = data[o + 2] = data[o];
    if (depth > colors) data[o + 3] = Math.round(255 * samples[i + colors] / layout.most);
  }
  return { width, height, data, stretched: true };
}

/** The bytes of the samples 0 … `most`; like Pillow, halves go to the even neighbor. */
function scale(most: number): Uint8Array {
  return Uint8Array.from({ length: most + 1 }, (_, sample) => {
    const exact = sample / most * 255, rounded = Math.round(exact);
    return rounded - exact === .5 ? rounded - rounded % 2 : rounded;
  });
}

/** Reads the samples of row `y`, in turn; larger ones than the header says become the largest. */
function reader(bytes: Uint8Array, layout: PnmLayout): (samples: Uint16Array, y: number) => void {
  const { most, coding } = layout, line = lineBytes(layout);
  if (coding === "text") {
    const next = layout.isInverted ? digits(bytes) : numbers(bytes);
    return (samples) => {
      for (let i = 0; i < samples.length; i++) samples[i] = Math.min(next(), most);
    };
  }
  return (samples, y) => {
    const start = y * line;
    for (let i = 0; i < samples.length; i++) {
      const sample = coding === "bits"
        ? bytes[start + (i >> 3)] >> (7 - (i & 7)) & 1
        : most > 255
        ? bytes[start + 2 * i] << 8 | bytes[start + 2 * i + 1]
        : bytes[start + i];
      samples[i] = Math.min(sample, most);
    }
  };
}

const HASH = 0x23, ZERO = 0x30;
const isSpace = (byte: number) => byte === 0x20 || (byte >= 9 && byte <= 13);
const isDigit = (byte: number) => byte >= ZERO && byte < ZERO + 10;

/** The position of the next byte from `at` on that is neither space nor in a comment. */
function skipSpace(bytes: Uint8Array, at: number): number {
  while (isSpace(bytes[at]) || bytes[at] === HASH) {
    if (bytes[at++] !== HASH) continue;
    while (at < bytes.length && bytes[at] !== 10 && bytes[at] !== 13) at++;
  }
  if (at >= bytes.length) throw new Error("it is a truncated PNM: it ends within its samples");
  if (!isDigit(bytes[at])) throw new Error("it is a damaged PNM: its samples are not numbers");
  return at;
}

/** Gives the next number of a text at each call. */
function numbers(bytes: Uint8Array): () => number {
  let at = 0;
  return () => {
    let value = 0;
    for (at = skipSpace(bytes, at); isDigit(bytes[at]); at++) {
      value = Math.min(10 * value + bytes[at] - ZERO, 1e6);
    }
    return value;
  };
}

/** Gives the next digit of a bitmap's text, which need not be separated. */
function digits(bytes: Uint8Array): () => number {
  let at = 0;
  return () => {
    at = skipSpace(bytes, at);
    if (bytes[at] > ZERO + 1) throw new Error("it is a damaged PNM: its samples are not 0 and 1");
    return bytes[at++] - ZERO;
  };
}
