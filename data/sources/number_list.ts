/**
 * Lists of numbers that take as many bytes as their type.
 *
 * @module
 */

/** A list of numbers in a typed array, which doubles when it is full. */
export class NumberList<A extends Float64Array | Uint32Array | Uint8Array> {
  #numbers: A;
  #length = 0;
  readonly #type: new (length: number) => A;

  /** `type` is the constructor of the typed array. */
  constructor(type: new (length: number) => A) {
    this.#type = type;
    this.#numbers = new type(1024);
  }

  /** The number of numbers. */
  get length(): number {
    return this.#length;
  }

  /** The number at `index`. */
  at(index: number): number {
    return this.#numbers[index];
  }

  /** Appends a number. */
  push(value: number): void {
    if (this.#length === this.#numbers.length) {
      const longer = new this.#type(2 * this.#length);
      longer.set(this.#numbers);
      this.#numbers = longer;
    }
    this.#numbers[this.#length++] = value;
  }
}
