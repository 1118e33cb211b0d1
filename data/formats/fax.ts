/**
 * Fax compression of bilevel images: ITU-T T.4 in one and two dimensions (group 3), T.6 (group 4), as TIFF keeps them (TIFF
 * 6.0, sections 10 and 11). Written here: npm:utif2@4.1.0, the one library that has it, decodes our golden files
 * right, but accepts damaged ones without a word (50 of 50).
 *
 * @module
 */
import { type Code, HORIZONTAL, MAX_BITS, modeCode, PASS, runCodes } from "./fax_codes.ts";

/** How the lines are coded. */
export interface FaxOptions {
  /** Pixels of a line. */
  width: number;
  /** TIFF's compressions: 2 without line ends, 3 (T.4), 4 (T.6), 32771 as 2 with lines of whole words. */
  compression: number;
  /** Whether the lines of T.4 may refer to the previous one. */
  twoDimensional: boolean;
}

/** Reads bits, the highest first; behind the end there are zeros. */
class Bits {
  at = 0;
  readonly #bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }
  get isAtEnd(): boolean {
    return this.at >= 8 * this.#bytes.length;
  }
  /** The next `count` bits, at most 13. */
  peek(count: number): number {
    const i = this.at >> 3, bytes = this.#bytes;
    const word = (bytes[i] ?? 0) << 16 | (bytes[i + 1] ?? 0) << 8 | (bytes[i + 2] ?? 0);
    return word >> (24 - (this.at & 7) - count) & ((1 << count) - 1);
  }
  /** The value of the next code. */
  read({ values, lengths }: Code): number {
    const next = this.peek(MAX_BITS);
    this.at += lengths[next];
    if (lengths[next] === 0 || this.at > 8 * this.#bytes.length) {
      throw new Error("its fax data are damaged or truncated");
    }
    return values[next];
  }
  align(bits: number): void {
    this.at = Math.ceil(this.at / bits) * bits;
  }
}

/** Unpacks lines of whole bytes up to `size` bytes, or fewer if the data end early. Ones are black. */
export function unpackFax(bytes: Uint8Array, size: number, options: FaxOptions): Uint8Array {
  const { width, compression, twoDimensional } = options, line = Math.ceil(width / 8);
  const out = new Uint8Array(size), bits = new Bits(bytes);
  let previous = [width, width]; // the positions at which the color changes, the first to black
  let at = 0;
  for (; at + line <= size && !bits.isAtEnd; at += line) {
    let isPlain = compression !== 4;
    if (compression === 3) {
      if (skipLineEnds(bits, twoDimensional)) break;
      if (twoDimensional) {
        isPlain = bits.peek(1) === 1;
        bits.at++;
      }
    } else if (compression === 4 && bits.peek(12) === LINE_END) break;
    const changes = isPlain ? readRuns(bits, width) : readChanges(bits, previous, width);
    if (compression === 2) bits.align(8);
    if (compression === 32771) bits.align(16);
    for (let i = 0; i + 1 < changes.length; i += 2) fill(out, 8 * at + changes[i], 8 * at + changes[i + 1]);
    previous = changes;
  }
  return out.subarray(0, at);
}

/** The end of a line: at least eleven zeros and a one. */
const LINE_END = 1;

/** Skips the end of a line, if there is one. Returns whether several follow: they end the image. */
function skipLineEnds(bits: Bits, twoDimensional: boolean): boolean {
  let count = 0;
  for (; bits.peek(11) === 0; count++) {
    while (bits.peek(1) === 0) {
      if (bits.isAtEnd) return true;
      bits.at++;
    }
    bits.at++;
    if (twoDimensional && bits.peek(12) === 0b1000_0000_0000) bits.at++; // the tag of an empty line
  }
  return count > 1;
}

/** A line coded as runs, the first white. */
function readRuns(bits: Bits, width: number): number[] {
  const changes: number[] = [];
  let x = 0;
  for (let color = 0; x < width; color ^= 1) {
    x = Math.min(width, x + readRun(bits, color));
    changes.push(x);
  }
  return ended(changes, width);
}

function readRun(bits: Bits, color: number): number {
  for (let length = 0;;) {
    const part = bits.read(runCodes[color]);
    length += part;
    if (part < 64) return length;
  }
}

/** A line coded by its differences from the previous one (T.4, 4.2.1.3). */
function readChanges(bits: Bits, previous: number[], width: number): number[] {
  const changes: number[] = [];
  let a0 = -1, color = 0, b = 0;
  while (a0 < width) {
    // b1: the first change to the other color on the previous line, right of a0.
    b = Math.max(0, b - 2);
    if ((b & 1) !== color) b++;
    while (previous[b] <= a0 && previous[b] < width) b += 2;
    const b1 = previous[b] ?? width, b2 = previous[b + 1] ?? width;
    const mode = bits.read(modeCode);
    if (mode === PASS) a0 = b2;
    else if (mode === HORIZONTAL) {
      const first = Math.min(width, Math.max(a0, 0) + readRun(bits, color));
      a0 = Math.min(width, first + readRun(bits, color ^ 1));
      changes.push(first, a0);
    } else {
      const a1 = b1 + mode;
      if (a1 < Math.max(a0, 0) || a1 > width) throw new Error("its fax data are damaged");
      a0 = a1;
      changes.push(a1);
      color ^= 1;
    }
  }
  return ended(changes, width);
}

/** `changes` with an end of the last run, and one more pair as the end for the next line. */
function ended(changes: number[], width: number): number[] {
  while (changes.length % 2) changes.push(width);
  changes.push(width, width);
  return changes;
}

/** Sets the bits from `from` to `to`. */
function fill(out: Uint8Array, from: number, to: number): void {
  while (from < to && from & 7) out[from >> 3] |= 0x80 >> (from++ & 7);
  out.fill(0xff, from >> 3, Math.max(from, to) >> 3);
  for (from = Math.max(from, to & ~7); from < to; from++) out[from >> 3] |= 0x80 >> (from & 7);
}
