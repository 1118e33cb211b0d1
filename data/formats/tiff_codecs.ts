/**
 * What the parts of a TIFF are compressed by (TIFF 6.0, sections 9 and 13; Adobe's technical notes). LZW and PackBits are
 * ours: npm:geotiff does not export its own, which writes to the console.
 *
 * @module
 */
import { inflateSync } from "node:zlib";

/** The `size` bytes that `bytes` hold, fewer if they end before. Throws an Error if they are damaged. */
export type Codec = (bytes: Uint8Array, size: number) => Uint8Array;

/** Codecs by the number in the file. */
export const codecs: Record<number, Codec> = {
  1: (bytes, size) => bytes.subarray(0, size),
  5: unpackLzw,
  8: inflate,
  32773: unpackBits,
  32946: inflate,
};

function inflate(bytes: Uint8Array, size: number): Uint8Array {
  try {
    return inflateSync(bytes, { maxOutputLength: size + 65536 }).subarray(0, size); // some writers append a little
  } catch {
    throw new Error("its deflated data are damaged or truncated");
  }
}

/** Runs of a byte, and bytes as they are. */
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

/** The codes that begin a new table and that end the data. */
const CLEAR = 256, END = 257;

/**
 * Codes of 9 … 12 bits, the highest bit first. Each entry of the table is the string before it and one byte more, which
 * stand in the output one after the other: so it is kept as a place there and a length.
 */
function unpackLzw(bytes: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  const places = new Uint32Array(4096), lengths = new Uint16Array(4096);
  let at = 0, next = 258, width = 9, bits = 0, held = 0;
  let place = 0, length = 0; // the string before; none: 0
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
      places[next] = place;
      lengths[next++] = length + 1;
    }
    if (code >= next) throw new Error("its LZW data are damaged");
    const from = places[code];
    place = at;
    length = code < 256 ? 1 : lengths[code];
    if (code < 256) out[at++] = code;
    else for (let k = 0; k < length && at < size; k++) out[at++] = out[from + k];
    // One code early, as the table of the writer is one entry ahead.
    if (next + 1 >= 1 << width && width < 12) width++;
  }
  return out.subarray(0, at);
}
