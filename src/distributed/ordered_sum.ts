/**
 * Sums over ranks in their order: the same bits on every rank, by any MPI, however many ranks share the terms.
 *
 * Each rank owns a slice of the numbers. It gets that slice of all ranks, adds them in the ranks' order, and in the end all
 * get all slices: two collectives that move as much as an all-reduce, whose order of additions is its own affair.
 *
 * @module
 */
import type { World } from "./world.ts";

/** A sum of vectors of one length, a term of each rank at a time. */
export class OrderedSum {
  /** Numbers of a slice. */
  readonly slice: number;
  /** Numbers of a term, with what fills up the last slice. */
  readonly padded: number;
  readonly #world: World;
  readonly #received: Float32Array<ArrayBuffer>;
  readonly #sum: Float32Array<ArrayBuffer>;
  #isEmpty = true;

  constructor(world: World, length: number) {
    this.#world = world;
    this.slice = Math.max(1, Math.ceil(length / world.size));
    this.padded = this.slice * world.size;
    this.#received = new Float32Array(this.padded);
    this.#sum = new Float32Array(this.slice);
  }

  /** Adds a term of each rank, `padded` numbers, in the order of the ranks. */
  async add(term: Float32Array<ArrayBuffer>): Promise<void> {
    await this.#world.exchange(term, this.#received);
    for (let rank = 0; rank < this.#world.size; rank++) {
      const own = this.#received.subarray(rank * this.slice, (rank + 1) * this.slice);
      if (this.#isEmpty) this.#sum.set(own);
      else await this.#world.add(this.#sum, own);
      this.#isEmpty = false;
    }
  }

  /** Writes the sum to `total`, `padded` numbers, and begins a new one. */
  async take(total: Float32Array<ArrayBuffer>): Promise<void> {
    await this.#world.gather(this.#sum, total);
    this.#isEmpty = true;
  }
}
