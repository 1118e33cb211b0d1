/**
 * Decodes large PNG row by row: imagescript would hold such an image twice.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { ascii, type Rows, viewOf } from "./format.ts";
import { unfilter } from "./png_filters.ts";

/** The parts of a PNG that its pixels depend on. */
interface PngParts {
  width: number;
  height: number;
  bits: number;
  /** 0 gray, 2 RGB, 3 palette, 4 gray and alpha, 6 RGBA. */
  colorType: number;
  palette?: Uint8Array;
  transparency?: Uint8Array;
  data: Uint8Array[];
}

/** Samples per pixel by color type. */
const SAMPLES: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
/** Bits per sample by color type. */
const DEPTHS: Record<number, number[]> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

/** Whether `pngRows` can decode the PNG in `bytes`: interlaced rows come too late. */
export function hasPngRows(bytes: Uint8Array): boolean {
  return bytes[28] === 0;
}

/** The rows of a PNG whose chunks are complete and that is not interlaced. Throws an Error if it is damaged. */
export function pngRows(bytes: Uint8Array): Rows {
  const parts = readParts(bytes);
  if (!DEPTHS[parts.colorType]?.includes(parts.bits)) {
    throw new Error(`it is a damaged PNG: color type ${parts.colorType} has no ${parts.bits} bits`);
  }
  if (parts.colorType === 3 && !parts.palette) throw new Error("it is a damaged PNG: it has no palette");
  return rowsOf(parts);
}

function readParts(bytes: Uint8Array): PngParts {
  const view = viewOf(bytes), data: Uint8Array[] = [];
  const parts: PngParts = {
    width: view.getUint32(16),
    height: view.getUint32(20),
    bits: bytes[24],
    colorType: bytes[25],
    data,
  };
  for (let at = 8; at + 12 <= bytes.length;) {
    const size = view.getUint32(at),
      kind = ascii(bytes, at + 4),
      body = bytes.subarray(at + 8, at + 8 + size);
    const isCritical = kind[0] < "a" || kind === "tRNS";
    if (isCritical && crc32(bytes.subarray(at + 4, at + 8 + size)) !== view.getUint32(at + 8 + size)) {
      throw new Error(`it is a damaged PNG: the checksum of its ${kind} chunk is wrong`);
    }
    if (kind === "IDAT") data.push(body);
    else if (kind === "PLTE") parts.palette = body;
    else if (kind === "tRNS") parts.transparency = body;
    else if (kind === "IEND") break;
    at += 12 + size;
  }
  return parts;
}

async function* rowsOf(parts: PngParts): AsyncGenerator<Uint8Array> {
  const { width, height, bits, colorType } = parts;
  const pixelBits = bits * SAMPLES[colorType], line = Math.ceil(pixelBits * width / 8);
  const convert = converter(parts), row = new Uint8Array(4 * width), step = Math.max(1, pixelBits >> 3);
  let filled = 0, y = 0, current = new Uint8Array(line + 1), above = new Uint8Array(line + 1);
  try {
    for await (const part of inflated(parts.data)) {
      for (let from = 0; from < part.length && y < height;) {
        const taken = Math.min(part.length - from, current.length - filled);
        current.set(part.subarray(from, from + taken), filled);
        [filled, from] = [filled + taken, from + taken];
        if (filled < current.length) break;
        unfilter(current, { above, step });
        convert(current.subarray(1), row);
        yield row;
        [current, above, filled, y] = [above, current, 0, y + 1];
      }
      if (y === height) return;
    }
  } catch (error) {
    if (error instanceof TypeError) throw new Error("it is a damaged PNG: its data do not inflate");
    throw error;
  }
  throw new Error(`it is a truncated PNG: its data end in row ${y + 1} of ${height}`);
}

/** Inflates `parts`, which are one zlib stream, piece by piece. */
function inflated(parts: Uint8Array[]): AsyncIterable<Uint8Array> {
  const pieces = function* () {
    for (const part of parts) {
      for (let at = 0; at < part.length; at += 65536) yield part.slice(at, at + 65536);
    }
  };
  return ReadableStream.from(pieces()).pipeThrough(new DecompressionStream("deflate"));
}

type Convert = (line: Uint8Array, row: Uint8Array) => void;

/** Turns lines into RGBA; of 16 bits it keeps the high byte. */
function converter({ bits, colorType, palette, transparency }: PngParts): Convert {
  if (bits >= 8 && colorType !== 3) return fromBytes({ bits, colorType, transparency });
  // One sample per pixel: a table gives the color.
  const colors = new Uint8Array(4 << bits).fill(255), most = (1 << bits) - 1;
  for (let i = 0; i <= most; i++) {
    if (colorType === 3) {
      colors.set([0, 0, 0], 4 * i);
      colors.set(palette!.subarray(3 * i, 3 * i + 3), 4 * i);
      colors[4 * i + 3] = transparency?.[i] ?? 255;
    } else colors.fill(Math.round(255 * i / most), 4 * i, 4 * i + 3);
  }
  if (colorType === 0 && transparency) colors[4 * viewOf(transparency).getUint16(0) + 3] = 0;
  const words = new Uint32Array(colors.buffer);
  return (line, row) => {
    const out = new Uint32Array(row.buffer);
    for (let x = 0, bit = 0; x < out.length; x++, bit += bits) {
      out[x] = words[line[bit >> 3] >> (8 - bits - (bit & 7)) & most];
    }
  };
}

function fromBytes({ bits, colorType, transparency }: Omit<PngParts, "width" | "height" | "data">): Convert {
  const samples = SAMPLES[colorType], width = bits / 8, colors = samples < 3 ? 1 : 3;
  // The transparent color, as the bytes of its samples.
  const clear = transparency &&
    Array.from(
      { length: colors * width },
      (_, i) => transparency[2 * Math.floor(i / width) + 2 - width + i % width],
    );
  return (line, row) => {
    for (let i = 0, o = 0; o < row.length; i += samples * width, o += 4) {
      row[o] = line[i];
      row[o + 1] = colors === 1 ? line[i] : line[i + width];
      row[o + 2] = colors === 1 ? line[i] : line[i + 2 * width];
      const isClear = clear?.every((byte, k) => byte === line[i + k]);
      row[o + 3] = samples % 2 === 0 ? line[i + colors * width] : isClear ? 0 : 255;
    }
  };
}
