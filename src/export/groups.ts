/**
 * Rows in groups, by union and find.
 *
 * @module
 */

/** A partition of the rows 0 … n − 1. A group is known by its first row, however it came about. */
export class Groups {
  readonly #parents: Uint32Array<ArrayBuffer>;

  /** Each of `n` rows is a group of its own. */
  constructor(n: number) {
    this.#parents = Uint32Array.from({ length: n }, (_, i) => i);
  }

  /** The first row of the group of `row`. */
  firstOf(row: number): number {
    const parents = this.#parents;
    while (parents[row] !== row) row = parents[row] = parents[parents[row]];
    return row;
  }

  /** Joins the groups of two rows. */
  join(a: number, b: number): void {
    const first = this.firstOf(a), second = this.firstOf(b);
    if (first < second) this.#parents[second] = first;
    else this.#parents[first] = second;
  }

  /** The first rows of the groups of the rows `first` … `first + count − 1`. */
  slice(first: number, count: number): Uint32Array<ArrayBuffer> {
    return Uint32Array.from({ length: count }, (_, i) => this.firstOf(first + i));
  }
}
