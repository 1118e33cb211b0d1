/**
 * The bits of a bzip2 stream.
 *
 * @module
 */

/** The bits that are there do not suffice. */
export class Underrun extends Error {
  override message = "unexpected end of data";
}

/** Bits, most significant first. */
export class Bits {
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
