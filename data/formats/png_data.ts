/**
 * The image data of a PNG apart from its other chunks: to decode 16-bit samples in full depth, and to give a decoder what it
 * accepts.
 *
 * @module
 */
import { crc32, deflateSync, inflateSync } from "node:zlib";
import { concatBytes } from "../../src/base/bytes.ts";
import { ascii, viewOf } from "./format.ts";
import { unfilter } from "./png_filters.ts";
import type { PixelLayout } from "./samples.ts";

/** Samples per pixel by color type: gray, RGB, palette, gray and alpha, RGBA. */
const CHANNELS: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** The chunks that pixels depend on, and the inflated data: lines, each after a byte with its filter. */
interface PngData {
  header: Uint8Array;
  palette?: Uint8Array;
  transparency?: Uint8Array;
  lines: Uint8Array;
}

/** Reads the image data. What follows them is ignored, as libpng does. Throws an Error if they are damaged. */
function readData(bytes: Uint8Array): PngData {
  const view = viewOf(bytes), chunks = new Map<string, Uint8Array>(), parts: Uint8Array[] = [];
  for (let at = 8, kind = ""; kind !== "IEND" && at + 12 <= bytes.length;) {
    const end = at + 8 + view.getUint32(at), body = bytes.subarray(at + 8, end);
    kind = ascii(bytes, at + 4);
    if (["IHDR", "PLTE", "tRNS", "IDAT"].includes(kind)) {
      if (end + 4 > bytes.length || crc32(bytes.subarray(at + 4, end)) !== view.getUint32(end)) {
        throw new Error(`it is a damaged PNG: the checksum of its ${kind} chunk is wrong`);
      }
      if (kind === "IDAT") parts.push(body);
      else if (!chunks.has(kind)) chunks.set(kind, body);
    }
    at = end + 4;
  }
  const header = chunks.get("IHDR")!; // its presence was checked
  const length = passesOf(header).reduce((sum, { line, height }) => sum + height * (1 + line), 0);
  return {
    header,
    palette: chunks.get("PLTE"),
    transparency: chunks.get("tRNS"),
    lines: inflated(concatBytes(parts), length),
  };
}

function inflated(data: Uint8Array, length: number): Uint8Array {
  let lines: Uint8Array;
  try {
    lines = inflateSync(data, { maxOutputLength: 2 * length + 65536 });
  } catch {
    throw new Error("it is a damaged PNG: its data do not inflate");
  }
  if (lines.length < length) {
    throw new Error(`it is a truncated PNG: it has ${lines.length} of ${length} bytes`);
  }
  return new Uint8Array(lines.buffer, lines.byteOffset, length); // a slice of a Buffer would share its memory
}

/** The lines of an image, or of one of seven interlaced ones: where its pixels are, and how far apart. */
interface Pass {
  left: number;
  top: number;
  across: number;
  down: number;
  width: number;
  height: number;
  /** Bytes per line. */
  line: number;
}

const ADAM7 = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [
  0,
  1,
  1,
  2,
]];

function passesOf(header: Uint8Array): Pass[] {
  const view = viewOf(header), width = view.getUint32(0), height = view.getUint32(4);
  const bits = header[8] * (CHANNELS[header[9]] ?? 1);
  return (header[12] === 1 ? ADAM7 : [[0, 0, 1, 1]]).map(([left, top, across, down]) => {
    const columns = Math.ceil(Math.max(0, width - left) / across);
    const rows = columns && Math.ceil(Math.max(0, height - top) / down);
    return { left, top, across, down, width: columns, height: rows, line: Math.ceil(columns * bits / 8) };
  });
}

/** The samples of a PNG of 16 bits, and the color that is transparent, if one is. */
export function readPngSamples(
  bytes: Uint8Array,
): { samples: Uint16Array; pixel: PixelLayout; transparent: number[] | undefined } {
  const { header, transparency, lines } = readData(bytes);
  const view = viewOf(header), width = view.getUint32(0), height = view.getUint32(4);
  const channels = CHANNELS[header[9]], samples = new Uint16Array(channels * width * height);
  let at = 0;
  for (const pass of passesOf(header)) {
    let above: Uint8Array = new Uint8Array(1 + pass.line);
    for (let y = 0; y < pass.height; y++, at += 1 + pass.line) {
      const line = lines.subarray(at, at + 1 + pass.line);
      unfilter(line, { above, step: 2 * channels });
      above = line;
      const start = width * (pass.top + y * pass.down) + pass.left;
      for (let x = 0, i = 1; x < pass.width; x++) {
        const o = channels * (start + x * pass.across);
        for (let c = 0; c < channels; c++, i += 2) samples[o + c] = line[i] << 8 | line[i + 1];
      }
    }
  }
  const colors = channels < 3 ? 1 : 3, key = transparency && viewOf(transparency);
  const transparent = key && key.byteLength >= 2 * colors && channels === colors
    ? Array.from({ length: colors }, (_, c) => key.getUint16(2 * c))
    : undefined;
  return { samples, pixel: { channels, colors }, transparent };
}

/** A PNG of the same pixels without anything that a strict decoder refuses, such as bytes after the image data. */
export function cleanPng(bytes: Uint8Array): Uint8Array {
  const { header, palette, transparency, lines } = readData(bytes);
  return concatBytes([
    bytes.subarray(0, 8),
    chunk("IHDR", header),
    ...palette ? [chunk("PLTE", palette)] : [],
    ...transparency ? [chunk("tRNS", transparency)] : [],
    chunk("IDAT", deflateSync(lines, { level: 1 })),
    chunk("IEND", new Uint8Array()),
  ]);
}

function chunk(kind: string, body: Uint8Array): Uint8Array {
  const out = new Uint8Array(12 + body.length), view = viewOf(out);
  view.setUint32(0, body.length);
  out.set(new TextEncoder().encode(kind), 4);
  out.set(body, 8);
  view.setUint32(8 + body.length, crc32(out.subarray(4, 8 + body.length)));
  return out;
}
