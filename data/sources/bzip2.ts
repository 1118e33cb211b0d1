/**
 * Unpacks bzip2 as a stream, a block of up to 900 kB at a time.
 *
 * Written here because the packages at hand hold the whole file, or loop without end on damaged data.
 *
 * @module
 */
import { concatBytes } from "../../src/base/bytes.ts";

const BLOCK_MAGIC = 0x314159265359, END_MAGIC = 0x177245385090;
const MAX_CODE_LENGTH = 20, GROUP_SIZE = 50, LEVEL_SIZE = 100_000;
/** Symbols 0 and 1 are the digits of a run's length. */
const RUN_A = 0, RUN_B = 1;

/** The bits that are there do not suffice. */
class Underrun extends Error {
  override message = "unexpected end of data";
}

/** The unpacked bytes of `chunks`. Throws an Error with the defect if they are damaged or truncated. */
export async function* bunzipped(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const input = chunks[Symbol.asyncIterator]();
  let ended = false, bits = new Bits(new Uint8Array(0));
  /** Reads until `count` more bytes are there, or all. */
  const fill = async (count: number) => {
    const parts = [bits.rest()], offset = bits.bitOffset;
    for (let have = parts[0].length; have < count && !ended;) {
      const { done, value } = await input.next();
      if (done) ended = true;
      else {
        parts.push(value);
        have += value.length;
      }
    }
    bits = new Bits(concatBytes(parts), offset);
  };
  let level = 0, combined = 0, streams = 0;
  for (;;) {
    // A block is rarely larger packed than unpacked.
    let wanted = level * LEVEL_SIZE + 25_000;
    if (bits.remaining < wanted) await fill(wanted);
    if (level === 0) {
      // Several streams may follow one another, and tapes pad with zeros.
      if (streams > 0 && bits.rest().every((byte) => byte === 0)) return;
      level = streamLevel(bits);
      combined = 0;
      streams++;
      continue;
    }
    const begin = bits.position;
    let block: Block | null;
    for (;;) {
      try {
        block = readBlock(bits, level);
        break;
      } catch (error) {
        if (!(error instanceof Underrun) || ended) throw error;
        bits.position = begin;
        await fill(wanted *= 2);
      }
    }
    if (block) {
      combined = (combined << 1 | combined >>> 31) ^ block.crc;
      yield block.bytes;
    } else {
      if (bits.take(32) !== combined >>> 0) throw new Error("the checksum of all blocks does not match");
      bits.align();
      level = 0;
      if (ended && bits.remaining === 0) return;
    }
  }
}

interface Block {
  bytes: Uint8Array;
  crc: number;
}

/** Bits, most significant first. */
class Bits {
  /** The number of the next bit. */
  position: number;
  #bytes: Uint8Array;

  constructor(bytes: Uint8Array, position = 0) {
    this.#bytes = bytes;
    this.position = position;
  }

  /** The bytes from the one that holds the next bit on, */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.position >> 3);
  }

  /** and the number of its bits that have been taken. */
  get bitOffset(): number {
    return this.position & 7;
  }

  /** Whole bytes that are left. */
  get remaining(): number {
    return this.#bytes.length - Math.ceil(this.position / 8);
  }

  align(): void {
    this.position = Math.ceil(this.position / 8) * 8;
  }

  /** The next `count` ≤ 32 bits as a number. */
  take(count: number): number {
    if (count > 24) return this.take(count - 16) * 65536 + this.take(16);
    const value = this.peek(count);
    this.skip(count);
    return value;
  }

  /** The next `count` ≤ 24 bits; zeros beyond the end. */
  peek(count: number): number {
    const bytes = this.#bytes, at = this.position >> 3;
    const word = bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
    return word << (this.position & 7) >>> (32 - count);
  }

  skip(count: number): void {
    this.position += count;
    if (this.position > this.#bytes.length * 8) throw new Underrun();
  }
}

function streamLevel(bits: Bits): number {
  const isHeader = bits.take(24) === 0x425a68, level = bits.take(8) - 0x30;
  if (!isHeader || !(level >= 1 && level <= 9)) throw new Error("a stream does not begin with BZh1 … BZh9");
  return level;
}

/** The next block; null at the end mark. */
function readBlock(bits: Bits, level: number): Block | null {
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
  const { column, counts } = readColumn(bits, { symbols, selectors, codes, size: level * LEVEL_SIZE });
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
