/**
 * The blocks of a bzip2 stream: Huffman codes, move-to-front, the Burrows–Wheeler transform and runs.
 *
 * @module
 */
import type { Bits } from "./bzip2_bits.ts";

const BLOCK_MAGIC = 0x314159265359, END_MAGIC = 0x177245385090;
const MAX_CODE_LENGTH = 20, GROUP_SIZE = 50;
/** Symbols 0 and 1 are the digits of a run's length. */
const RUN_A = 0, RUN_B = 1;

/** A block, unpacked. */
export interface Block {
  bytes: Uint8Array;
  crc: number;
}

/** The next block, of at most `size` bytes before runs are undone; null at the end mark. Throws an Error if it is damaged. */
export function readBlock(bits: Bits, size: number): Block | null {
  const magic = bits.take(24) * 2 ** 24 + bits.take(24);
  if (magic === END_MAGIC) return null;
  if (magic !== BLOCK_MAGIC) throw new Error("a block does not begin with its mark");
  const crc = bits.take(32);
  if (bits.take(1)) throw new Error("a block is randomized, as no version after 0.9.0 writes it");
  const origin = bits.take(24);
  const symbols = usedBytes(bits);
  const groups = bits.take(3), selectorCount = bits.take(15);
  if (groups < 2 || groups > 6 || selectorCount === 0) throw new Error("the tables of a block are damaged");
  const selectors = readSelectors(bits, groups, selectorCount);
  const codes = Array.from({ length: groups }, () => readCode(bits, symbols.length + 2));
  const { column, counts } = readColumn(bits, { symbols, selectors, codes, size });
  if (origin >= column.length) throw new Error("a block's first byte lies outside of it");
  const bytes = restored(column, counts, origin);
  if (crcOf(bytes) !== crc) throw new Error("the checksum of a block does not match");
  return { bytes, crc };
}

/** The bytes that occur in a block. */
function usedBytes(bits: Bits): Uint8Array {
  const used: number[] = [], ranges = bits.take(16);
  for (let range = 0; range < 16; range++) {
    if (!(ranges >> 15 - range & 1)) continue;
    const members = bits.take(16);
    for (let k = 0; k < 16; k++) if (members >> 15 - k & 1) used.push(16 * range + k);
  }
  if (used.length === 0) throw new Error("a block has no symbols");
  return Uint8Array.from(used);
}

/** Which code is used for each group of 50 symbols. */
function readSelectors(bits: Bits, groups: number, count: number): Uint8Array {
  const order = Array.from({ length: groups }, (_, k) => k);
  return Uint8Array.from({ length: count }, () => {
    let place = 0;
    while (bits.take(1)) if (++place >= groups) throw new Error("a selector is damaged");
    order.unshift(...order.splice(place, 1));
    return order[0];
  });
}

/** A canonical Huffman code: of each length the largest code and the place of its symbols. */
interface Code {
  shortest: number;
  limits: Int32Array;
  offsets: Int32Array;
  symbols: Uint16Array;
}

function readCode(bits: Bits, count: number): Code {
  const lengths = new Uint8Array(count);
  let length = bits.take(5);
  for (let symbol = 0; symbol < count; symbol++) {
    for (;;) {
      if (length < 1 || length > MAX_CODE_LENGTH) throw new Error("the length of a code is damaged");
      if (!bits.take(1)) break;
      length += bits.take(1) ? -1 : 1;
    }
    lengths[symbol] = length;
  }
  const limits = new Int32Array(MAX_CODE_LENGTH + 1).fill(-1), offsets = new Int32Array(MAX_CODE_LENGTH + 1);
  const symbols = new Uint16Array(count), shortest = lengths.reduce((a, b) => Math.min(a, b));
  let code = 0, place = 0;
  for (let length = shortest; length <= MAX_CODE_LENGTH; length++, code <<= 1) {
    offsets[length] = place - code;
    for (let symbol = 0; symbol < count; symbol++) {
      if (lengths[symbol] !== length) continue;
      symbols[place++] = symbol;
      code++;
    }
    limits[length] = code - 1;
  }
  return { shortest, limits, offsets, symbols };
}

function readSymbol(bits: Bits, { shortest, limits, offsets, symbols }: Code): number {
  const ahead = bits.peek(MAX_CODE_LENGTH);
  for (let length = shortest; length <= MAX_CODE_LENGTH; length++) {
    const code = ahead >> MAX_CODE_LENGTH - length;
    if (code > limits[length]) continue;
    bits.skip(length);
    return symbols[code + offsets[length]];
  }
  throw new Error("a code is none of its table");
}

/** Undoes Huffman codes, runs and move-to-front: the last column of the Burrows–Wheeler transform, and how often bytes occur. */
function readColumn(
  bits: Bits,
  { symbols, selectors, codes, size }: {
    symbols: Uint8Array;
    selectors: Uint8Array;
    codes: Code[];
    size: number;
  },
): { column: Int32Array; counts: Int32Array } {
  const column = new Int32Array(size), counts = new Int32Array(256), end = symbols.length + 1;
  let count = 0, run = 0, digit = 1;
  const full = () => new Error(`a block has more than ${size} bytes`);
  for (let number = 0, group = 0; group < selectors.length; group++) {
    const code = codes[selectors[group]];
    for (; number < GROUP_SIZE * (group + 1); number++) {
      const symbol = readSymbol(bits, code);
      if (symbol === RUN_A || symbol === RUN_B) {
        run += (symbol + 1) * digit;
        digit *= 2;
        if (count + run > size) throw full();
        continue;
      }
      if (run > 0) {
        column.fill(symbols[0], count, count += run);
        counts[symbols[0]] += run;
        run = 0;
        digit = 1;
      }
      if (symbol === end) return { column: column.subarray(0, count), counts };
      const byte = symbols[symbol - 1];
      for (let k = symbol - 1; k > 0; k--) symbols[k] = symbols[k - 1]; // faster than copyWithin
      symbols[0] = byte;
      if (count === size) throw full();
      column[count++] = byte;
      counts[byte]++;
    }
  }
  throw new Error("a block has no end");
}

/** Undoes the Burrows–Wheeler transform, and the runs that were packed before it: four equal bytes and a count. */
function restored(column: Int32Array, counts: Int32Array, origin: number): Uint8Array {
  for (let byte = 0, sum = 0; byte < 256; byte++) {
    sum += counts[byte];
    counts[byte] = sum - counts[byte];
  }
  // The upper bits of each element get the place of the next byte.
  for (let i = 0; i < column.length; i++) column[counts[column[i] & 255]++] |= i << 8;
  let bytes = new Uint8Array(column.length + 256), length = 0;
  let at = column[origin] >>> 8, equal = 0, last = -1;
  for (let i = 0; i < column.length; i++) {
    const entry = column[at], byte = entry & 255;
    at = entry >>> 8;
    if (length + 256 > bytes.length) {
      const larger = new Uint8Array(2 * bytes.length);
      larger.set(bytes);
      bytes = larger;
    }
    if (equal === 4) {
      bytes.fill(last, length, length += byte);
      equal = 0;
      last = -1;
      continue;
    }
    bytes[length++] = byte;
    equal = byte === last ? equal + 1 : 1;
    last = byte;
  }
  return bytes.subarray(0, length);
}

/** CRC-32 with the most significant bit first, unlike zlib's. */
const crcTable = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? crc << 1 ^ 0x04c11db7 : crc << 1;
  return crc;
});

function crcOf(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) crc = crc << 8 ^ crcTable[crc >>> 24 ^ byte];
  return ~crc >>> 0;
}
