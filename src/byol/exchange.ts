/**
 * A step that several ranks take together: after a batch of each, their gradients, statistics and figures are summed.
 *
 * Batch k of a step belongs to rank k mod R, and the sum runs over the batches in order: its bits do not depend on R. All but
 * the last round of a step are exchanged while the next batch is computed.
 *
 * @module
 */
import type { AuxiliaryHead } from "./auxiliary_head.ts";
import { OrderedSum } from "../distributed/ordered_sum.ts";
import type { Agreement, World } from "../distributed/world.ts";
import type { Memory, Store } from "../gpu/memory.ts";
import type { FlatStore } from "../nn/parameters.ts";
import { RING_FIGURES } from "./step.ts";
import { RunningStatistics } from "./running_statistics.ts";

/** What is exchanged. */
export interface ExchangeOptions {
  /** Running statistics, and the stores where a batch leaves its moments. */
  statistics: readonly { running: FlatStore; moments: Store }[];
  /** The mean of the gradients, to which a batch of this rank alone has added its share. */
  averaged: Store;
  auxiliaryHead?: AuxiliaryHead;
  ring: Store;
}

/** Where the time of exchanges went, in milliseconds. */
export interface ExchangeTimes {
  /** Waiting for the GPU and for the copy of its results. */
  compute: number;
  /** Waiting for other ranks and for the network, beyond what was computed meanwhile. */
  exchange: number;
  /** Writing the sums to the GPU. */
  write: number;
  steps: number;
  /** Milliseconds of work of the slowest rank, by ranks. */
  slowest: number[];
}

/** Of loss and z_std. */
const FIGURE_BYTES = 8;

/** The parts of the GPU's memory that are summed, for the step at `slot` of the ring. */
function summedParts(
  { averaged, auxiliaryHead, ring }: ExchangeOptions,
  slot: number,
): { store: Store; offset: number; size: number }[] {
  return [
    { store: averaged, offset: 0, size: averaged.bytes },
    ...auxiliaryHead
      ? [{ store: auxiliaryHead.gradients, offset: 0, size: auxiliaryHead.gradients.bytes }]
      : [],
    { store: ring, offset: slot * RING_FIGURES * 4, size: FIGURE_BYTES },
  ];
}

/** Bytes that a rank reads from the GPU in a round: what is summed, without what fills up slices, and moments. */
export function bytesOfRound(options: ExchangeOptions): { summed: number; moments: number } {
  return {
    summed: summedParts(options, 0).reduce((bytes, { size }) => bytes + size, 0),
    moments: options.statistics.reduce((bytes, { moments }) => bytes + moments.bytes, 0),
  };
}

/** Exchanges the gradients of one rank with the others. */
export class Exchange implements Disposable {
  /** Bytes of a rank's message. */
  readonly bytes: number;
  readonly #world: World;
  readonly #memory: Memory;
  readonly #options: ExchangeOptions;
  readonly #sum: OrderedSum;
  readonly #running: RunningStatistics;
  readonly #staging: GPUBuffer;
  readonly #total: Float32Array<ArrayBuffer>;
  /** The round under way. */
  #pending: Promise<Agreement> | null = null;
  #workingSince = performance.now();
  #times: ExchangeTimes;

  constructor(memory: Memory, world: World, options: ExchangeOptions) {
    this.#world = world;
    this.#memory = memory;
    this.#options = options;
    const { summed, moments } = bytesOfRound(options);
    this.#sum = new OrderedSum(world, summed / 4);
    this.#running = new RunningStatistics(world, options.statistics.map(({ running }) => running));
    this.#total = new Float32Array(this.#sum.padded);
    this.bytes = this.#total.byteLength + moments;
    this.#staging = memory.gpu.device.createBuffer({
      label: "exchange",
      size: this.bytes,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    this.#times = this.#noTimes();
  }

  /** Forgets what is known of the running statistics, as others were written to the GPU. */
  reset(): void {
    this.#running.reset();
  }

  /**
   * Exchanges the batch that this rank has submitted. After the last batch of a step the GPU has the sums of all.
   *
   * @param where Which batch it is; all ranks are at the same.
   * @param options `slot`: of the step in the ring. `isLast`: of the step. `stop`: see {@linkcode World.meet}.
   * @returns what all ranks agree on after the last batch, else null.
   */
  async round(
    where: string,
    { slot, isLast, stop }: { slot: number; isLast: boolean; stop: number },
  ): Promise<Agreement | null> {
    await this.#running.begin(this.#memory);
    await this.#settle();
    const begin = performance.now();
    await this.#read(slot);
    this.#times.compute += performance.now() - begin;
    const worked = performance.now() - this.#workingSince;
    this.#pending = this.#send(where, { stop, worked });
    this.#pending.catch(() => {}); // it is thrown where the round is awaited
    if (!isLast) {
      this.#workingSince = performance.now();
      return null;
    }
    const agreement = await this.#settle();
    await this.#receive(slot);
    this.#workingSince = performance.now();
    this.#times.steps++;
    return agreement;
  }

  /** Resolves when no round is under way, also if it failed: the others need this rank's part, before it may leave. */
  async endRound(): Promise<void> {
    await this.#pending?.catch(() => {});
  }

  /** What was agreed on in the round under way, when it is done. */
  async #settle(): Promise<Agreement | null> {
    if (!this.#pending) return null;
    const begin = performance.now(), agreement = await this.#pending;
    this.#pending = null;
    this.#times.exchange += performance.now() - begin;
    return agreement;
  }

  /** Copies what the batch has left to where the host can read it. Waits for the GPU. */
  async #read(slot: number): Promise<void> {
    const { gpu } = this.#memory, encoder = gpu.device.createCommandEncoder();
    let at = 0;
    for (const { store, offset, size } of summedParts(this.#options, slot)) {
      encoder.copyBufferToBuffer(this.#memory.buffer(store), offset, this.#staging, at, size);
      at += size;
    }
    at = this.#total.byteLength;
    for (const { moments } of this.#options.statistics) {
      if (moments.bytes === 0) continue;
      encoder.copyBufferToBuffer(this.#memory.buffer(moments), 0, this.#staging, at, moments.bytes);
      at += moments.bytes;
    }
    gpu.device.queue.submit([encoder.finish()]);
    await this.#staging.mapAsync(GPUMapMode.READ).catch((error) => {
      gpu.check();
      throw error;
    });
    gpu.check();
  }

  /** Meets the others, and adds the batches of all. */
  async #send(where: string, word: { stop: number; worked: number }): Promise<Agreement> {
    const agreement = await this.#world.meet(where, word), { rank, worked } = agreement.slowest;
    this.#times.slowest[rank] += worked;
    const mapped = this.#staging.getMappedRange(), { byteLength } = this.#total;
    await this.#sum.add(new Float32Array(mapped, 0, this.#sum.padded));
    await this.#running.add(new Float32Array(mapped, byteLength));
    this.#staging.unmap();
    return agreement;
  }

  /** Writes the sums to the GPU. */
  async #receive(slot: number): Promise<void> {
    const begin = performance.now();
    await this.#sum.take(this.#total);
    const taken = performance.now();
    let at = 0;
    for (const { store, offset, size } of summedParts(this.#options, slot)) {
      this.#memory.write(store, this.#total.subarray(at / 4, (at += size) / 4), offset);
    }
    await this.#running.write(this.#memory);
    this.#times.exchange += taken - begin;
    this.#times.write += performance.now() - taken;
  }

  /** Where time went since the last call. */
  takeTimes(): ExchangeTimes {
    const times = this.#times;
    this.#times = this.#noTimes();
    return times;
  }

  #noTimes(): ExchangeTimes {
    return { compute: 0, exchange: 0, write: 0, steps: 0, slowest: new Array(this.#world.size).fill(0) };
  }

  [Symbol.dispose](): void {
    this.#staging.destroy();
  }
}
