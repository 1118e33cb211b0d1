/**
 * The running statistics of batch normalization where several ranks take a step: updated by the batches of all of them, in the
 * order in which one process would see these.
 *
 * Each rank owns a slice of the statistics: it gets the moments of all ranks for it, and applies them in turn.
 *
 * @module
 */
import type { World } from "../distributed/world.ts";
import type { Memory, Store } from "../gpu/memory.ts";
import { sizeOf } from "../graph/tensor.ts";
import type { FlatStore } from "../nn/parameters.ts";
import { DECAY } from "../ops/batch_norm.ts";
import { VIEWS } from "./step.ts";

/** Both factors of new = DECAY · old + (1 − DECAY) · moment, as the kernel has them. */
const KEPT = Math.fround(DECAY), ADDED = Math.fround(1 - KEPT);

/** Running statistics of some networks, on all ranks alike. */
export class RunningStatistics {
  readonly #world: World;
  readonly #stores: Store[];
  /** The channels of each statistic: where they begin among all numbers, and how many they are. */
  readonly #spans: { begin: number; length: number }[];
  /** Numbers of a slice. */
  readonly #slice: number;
  /** [rank, view, number of the rank's slice] */
  readonly #sent: Float32Array<ArrayBuffer>;
  readonly #received: Float32Array<ArrayBuffer>;
  readonly #all: Float32Array<ArrayBuffer>;
  /** This rank's slice; null until it is read from the GPU. */
  #own: Float32Array<ArrayBuffer> | null = null;

  constructor(world: World, statistics: readonly FlatStore[]) {
    this.#world = world;
    this.#stores = statistics.map(({ store }) => store);
    let begin = 0;
    this.#spans = statistics.flatMap(({ store, variables }) => {
      const first = begin;
      begin += store.bytes / 4;
      return variables.map(({ layout, tensor }) => ({
        begin: first + tensor.region!.offset / 4,
        length: sizeOf(layout.shape),
      }));
    });
    this.#slice = Math.max(1, Math.ceil(begin / world.size));
    const padded = this.#slice * world.size;
    this.#sent = new Float32Array(VIEWS * padded);
    this.#received = new Float32Array(VIEWS * padded);
    this.#all = new Float32Array(padded);
  }

  /** Forgets the values so far: those on the GPU count. */
  reset(): void {
    this.#own = null;
  }

  /** Reads the values on the GPU, unless they are known. */
  async begin(memory: Memory): Promise<void> {
    if (this.#own) return;
    let at = 0;
    for (const store of this.#stores) {
      this.#all.set(await memory.read({ store, offset: 0, bytes: store.bytes }), at);
      at += store.bytes / 4;
    }
    const { rank } = this.#world;
    this.#own = this.#all.slice(rank * this.#slice, (rank + 1) * this.#slice);
  }

  /** Applies the moments of a batch of each rank. `moments`: the networks' stores of moments, one after the other. */
  async add(moments: Float32Array): Promise<void> {
    const slice = this.#slice;
    for (const { begin, length } of this.#spans) {
      for (let view = 0; view < VIEWS; view++) {
        const from = VIEWS * begin + view * length;
        for (let i = 0; i < length; i++) {
          const owner = Math.floor((begin + i) / slice), place = begin + i - owner * slice;
          this.#sent[(owner * VIEWS + view) * slice + place] = moments[from + i];
        }
      }
    }
    await this.#world.exchange(this.#sent, this.#received);
    const own = this.#own!;
    for (let k = 0; k < this.#received.length; k += slice) { // view by view, rank by rank
      for (let i = 0; i < slice; i++) {
        own[i] = Math.fround(KEPT * own[i]) + Math.fround(ADDED * this.#received[k + i]);
      }
    }
  }

  /** Gives all ranks all values, and writes them to the GPU. */
  async write(memory: Memory): Promise<void> {
    await this.#world.gather(this.#own!, this.#all);
    let at = 0;
    for (const store of this.#stores) {
      memory.write(store, this.#all.subarray(at, at += store.bytes / 4));
    }
  }
}
