/**
 * Timestamps of the GPU's own clock: passes write them, and the same submission reads them back.
 *
 * @module
 */
import { MachineError } from "../base/errors.ts";
import type { Gpu } from "./device.ts";

/** WebGPU's limit of timestamps in a set. */
export const MAX_TIMESTAMPS = 4096;

/** A set of timestamps. Disposing of it frees it. */
export class Timestamps implements Disposable {
  readonly #gpu: Gpu;
  readonly #set: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #staging: GPUBuffer;

  /** @throws {MachineError} if the adapter has no timestamps. */
  constructor(gpu: Gpu, readonly count: number) {
    if (!gpu.timestamps) {
      throw new MachineError("Cannot profile: this adapter has no timestamps (timestamp-query).");
    }
    this.#gpu = gpu;
    const size = count * BigUint64Array.BYTES_PER_ELEMENT, { COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    this.#set = gpu.device.createQuerySet({ type: "timestamp", count });
    this.#resolved = gpu.device.createBuffer({ size, usage: GPUBufferUsage.QUERY_RESOLVE | COPY_SRC });
    this.#staging = gpu.device.createBuffer({ size, usage: MAP_READ | COPY_DST });
  }

  /** Has a compute pass write timestamp `begin` as it begins, and `end` as it ends. */
  writes({ begin, end }: { begin?: number; end?: number }): GPUComputePassTimestampWrites {
    return {
      querySet: this.#set,
      ...begin !== undefined && { beginningOfPassWriteIndex: begin },
      ...end !== undefined && { endOfPassWriteIndex: end },
    };
  }

  /** Encodes the read-back, after the last pass that writes a timestamp. */
  resolve(encoder: GPUCommandEncoder): void {
    encoder.resolveQuerySet(this.#set, 0, this.count, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#staging, 0, this.#staging.size);
  }

  /** The clock's ticks by number. Waits for the GPU. */
  async read(): Promise<BigUint64Array> {
    await this.#staging.mapAsync(GPUMapMode.READ).catch((error) => {
      this.#gpu.check();
      throw error;
    });
    this.#gpu.check();
    const ticks = new BigUint64Array(this.#staging.getMappedRange().slice(0));
    this.#staging.unmap();
    return ticks;
  }

  [Symbol.dispose](): void {
    this.#set.destroy();
    this.#resolved.destroy();
    this.#staging.destroy();
  }
}
