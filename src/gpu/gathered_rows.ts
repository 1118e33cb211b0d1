/**
 * Rows that the GPU computes batch by batch, read back many batches at a time: each wait takes 11 ms, and lets the GPU idle.
 *
 * @module
 */
import type { Memory, Region } from "./memory.ts";

/** The sizes of rows and batches, and how many rows are read back at once. */
export interface Gathering {
  /** Numbers in a row. */
  dims: number;
  /** Most rows in a batch. */
  batch: number;
  /** Fewest rows that are read back at once. */
  rows: number;
}

/** Bytes of the buffer that gathers the rows: whole batches. */
export function gatheringBytes({ dims, batch, rows }: Gathering): number {
  return 4 * dims * batch * Math.ceil(rows / batch);
}

/** Gathers the rows of a region. Disposing of it frees the buffer. */
export class GatheredRows implements Disposable {
  readonly #memory: Memory;
  readonly #from: Region;
  readonly #sizes: Gathering;
  readonly #staging: GPUBuffer;
  /** Rows that wait on the GPU, and the rows that were read back before. */
  #waiting = 0;
  #read: Float32Array[] = [];

  constructor(memory: Memory, { from, ...sizes }: Gathering & { from: Region }) {
    this.#memory = memory;
    this.#from = from;
    this.#sizes = sizes;
    this.#staging = memory.gpu.device.createBuffer({
      label: "rows to read back",
      size: gatheringBytes(sizes),
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
  }

  /** Appends the first `n` rows of the region, as submitted work leaves them. Waits for the GPU if the buffer is full. */
  async add(n: number): Promise<void> {
    const { device } = this.#memory.gpu, { dims, batch } = this.#sizes;
    const encoder = device.createCommandEncoder(), from = this.#memory.buffer(this.#from.store);
    encoder.copyBufferToBuffer(
      from,
      this.#from.offset,
      this.#staging,
      4 * dims * this.#waiting,
      4 * dims * n,
    );
    device.queue.submit([encoder.finish()]);
    this.#waiting += n;
    if (4 * dims * (this.#waiting + batch) > this.#staging.size) await this.#readBack();
  }

  /** All rows since the last call, in order. Waits for the GPU. */
  async take(): Promise<Float32Array<ArrayBuffer>> {
    await this.#readBack();
    const rows = joinedRows(this.#read);
    this.#read = [];
    return rows;
  }

  async #readBack(): Promise<void> {
    if (this.#waiting === 0) return;
    const { gpu } = this.#memory, bytes = 4 * this.#sizes.dims * this.#waiting;
    await this.#staging.mapAsync(GPUMapMode.READ, 0, bytes).catch((error) => {
      gpu.check();
      throw error;
    });
    gpu.check();
    this.#read.push(new Float32Array(this.#staging.getMappedRange(0, bytes).slice(0)));
    this.#staging.unmap();
    this.#waiting = 0;
  }

  [Symbol.dispose](): void {
    this.#staging.destroy();
  }
}

/** `pieces`, concatenated. */
export function joinedRows(pieces: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const all = new Float32Array(pieces.reduce((sum, { length }) => sum + length, 0));
  pieces.reduce((at, piece) => (all.set(piece, at), at + piece.length), 0);
  return all;
}
