/**
 * The compressions of TIFF parts (TIFF 6.0, sections 9 and 13; Adobe's technical notes). LZW and PackBits are written here:
 * npm:geotiff does not export its versions, which print to the console.
 *
 * @module
 */
import { inflateSync, zstdDecompressSync } from "node:zlib";
import { type FaxOptions, unpackFax } from "./fax.ts";

/** Unpacks `bytes` to `size` bytes, or fewer if they end early. Throws an Error if they are damaged. */
export type Codec = (bytes: Uint8Array, size: number, fax: FaxOptions) => Uint8Array;

/** Values of the compression tag. */
export const JPEG = 7, ZSTD = 50000, WEBP = 50001;

/** Codecs by the value of the compression tag. */
export const codecs: Record<number, Codec> = {
  1: (bytes, size) => bytes.subarray(0, size),
  2: unpackFax,
  3: unpackFax,
  4: unpackFax,
  5: unpackLzw,
  8: inflate,
  32771: unpackFax,
  32773: unpackBits,
  32946: inflate,
  [ZSTD]: unzstd,
};

/** Whether a compression is one of fax machines, for one bit a pixel. */
export const isFax = (compression: number) => codecs[compression] === unpackFax;

/** Names of compressions that are not supported. */
const NAMES: Record<number, string> = {
  6: "old-style JPEG",
  34661: "JBIG",
  34712: "JPEG 2000",
  33003: "JPEG 2000",
  33005: "JPEG 2000",
  34887: "LERC",
  34892: "lossy JPEG of a DNG",
  34925: "LZMA",
  50002: "JPEG XL",
  52546: "JPEG XL",
};

/** The compression, for messages. */
export function compressionText(compression: number): string {
  const name = NAMES[compression];
  return `compression ${compression}${name ? ` (${name})` : ""}`;
}

/** Some writers append a few bytes. */
const SPARE = 65536;

/** The first `size` bytes of a Buffer, whose slices would share its memory. */
function plain(buffer: Uint8Array, size: number): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, Math.min(size, buffer.length));
}

function unzstd(bytes: Uint8Array, size: number): Uint8Array {
  try {
    return plain(zstdDecompressSync(bytes, { maxOutputLength: size + SPARE }), size);
  } catch {
    throw new Error("its zstd data are damaged or truncated");
  }
}

function inflate(bytes: Uint8Array, size: number): Uint8Array {
  try {
    return plain(inflateSync(bytes, { maxOutputLength: size + SPARE }), size);
  } catch {
    throw new Error("its deflated data are damaged or truncated");
  }
}

/** Runs of one byte, and literal bytes. */
function unpackBits(bytes: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  let at = 0;
  for (let i = 0; i < bytes.length && at < size;) {
    const head = bytes[i++];
    if (head > 128) {
      if (i < bytes.length) out.fill(bytes[i++], at, at += 257 - head);
    } else if (head < 128) {
      const literal = bytes.subarray(i, i += head + 1).subarray(0, size - at);
      out.set(literal, at);
      at += literal.length;
    }
  }
  return out.subarray(0, Math.min(at, size));
}

/** The codes that reset the table and that end the data. */
const CLEAR = 256, END = 257;

/**
 * Codes of 9 … 12 bits, highest bit first. Each table entry is the previous string and one more byte. Both are consecutive in
 * the output, so an entry is stored as an offset into the output and a length.
 */
function unpackLzw(bytes: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  const offsets = new Uint32Array(4096), lengths = new Uint16Array(4096);
  let at = 0, next = 258, width = 9, bits = 0, held = 0;
  let offset = 0, length = 0; // the previous string; length 0: none
  for (let i = 0; at < size;) {
    while (held < width) {
      if (i === bytes.length) return out.subarray(0, at);
      bits = (bits << 8 | bytes[i++]) & 0xffffff;
      held += 8;
    }
    const code = bits >> (held -= width) & ((1 << width) - 1);
    if (code === END) break;
    if (code === CLEAR) {
      next = 258;
      width = 9;
      length = 0;
      continue;
    }
    if (length > 0 && next < 4096) {
      offsets[next] = offset;
      lengths[next++] = length + 1;
    }
    if (code >= next) throw new Error("its LZW data are damaged");
    const from = offsets[code];
    offset = at;
    length = code < 256 ? 1 : lengths[code];
    if (code < 256) out[at++] = code;
    else for (let k = 0; k < length && at < size; k++) out[at++] = out[from + k];
    // One code early, as the table of the writer is one entry ahead.
    if (next + 1 >= 1 << width && width < 12) width++;
  }
  return out.subarray(0, at);
}
