/**
 * The buffers behind named stores. A store is a name and a size until memory is given to it, so that a plan can be
 * made and judged without allocating anything.
 *
 * @module
 */
import { MachineError } from "../errors.ts";
import type { Gpu } from "./device.ts";

/** What a store is for: the rows of the memory plan. */
export type Category =
  | "parameters"
  | "gradients"
  | "optimizer"
  | "statistics"
  | "input"
  | "activations"
  | "metrics";

/** A piece of GPU memory that outlives a step. Sizes are in bytes. */
export interface Store {
  readonly name: string;
  readonly category: Category;
  bytes: number;
  /** True for the step's scalars, which kernels bind as a uniform. */
  readonly uniform?: boolean;
}

/** A part of a store. */
export interface Region {
  store: Store;
  /** Offset from the store's beginning, a multiple of {@linkcode ALIGNMENT}. */
  offset: number;
  bytes: number;
}

/** Offsets of bindings are multiples of this on every adapter. */
export const ALIGNMENT = 256;

/** `n` rounded up to a multiple of `unit`. */
export function roundUp(n: number, unit: number): number {
  return Math.ceil(n / unit) * unit;
}

const USAGE = 0x4 | 0x8 | 0x40 | 0x80; // COPY_SRC, COPY_DST, UNIFORM, STORAGE; GPUBufferUsage is absent without WebGPU

/** The buffers of a set of stores. Disposing of it destroys them. */
export class Memory {
  readonly #buffers = new Map<Store, GPUBuffer>();

  constructor(readonly gpu: Gpu) {}

  /** The store's buffer, zeroed when it is made. */
  buffer(store: Store): GPUBuffer {
    let buffer = this.#buffers.get(store);
    if (!buffer) {
      const { limits, device } = this.gpu;
      const size = roundUp(Math.max(store.bytes, 16), 16);
      if (size > limits.maxBuffer) {
        throw new MachineError(
          `Cannot allocate ${store.name} as a buffer has at most ${limits.maxBuffer} bytes on this GPU: ${size} were asked for. Lower --batch or --size.`,
        );
      }
      device.pushErrorScope("out-of-memory");
      const usage = store.uniform ? USAGE & ~0x80 : USAGE & ~0x40;
      buffer = device.createBuffer({ label: store.name, size, usage });
      device.popErrorScope().then((error) => {
        if (error) {
          this.gpu.fail(
            new MachineError(
              `The GPU refused ${size} bytes for ${store.name}: ${error.message}. Lower --batch or --size, or choose a smaller --backbone.`,
            ),
          );
        }
      });
      this.#buffers.set(store, buffer);
    }
    return buffer;
  }

  /** Copies `data` to the beginning of the store, or to `offset` bytes behind it. */
  write(store: Store, data: ArrayBufferView<ArrayBuffer>, offset = 0): void {
    this.gpu.device.queue.writeBuffer(this.buffer(store), offset, data);
  }

  /** The store's content, or that of one region of it. Waits for the GPU. */
  async read({ store, offset, bytes }: Region): Promise<Float32Array<ArrayBuffer>> {
    const { device } = this.gpu;
    const staging = device.createBuffer({
      size: roundUp(bytes, 4),
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    try {
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(this.buffer(store), offset, staging, 0, roundUp(bytes, 4));
      device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ).catch((error) => {
        this.gpu.check();
        throw error;
      });
      this.gpu.check();
      return new Float32Array(staging.getMappedRange().slice(0));
    } finally {
      staging.destroy();
    }
  }

  /** Destroys the buffers of `stores`, or all. */
  free(stores: Iterable<Store> = [...this.#buffers.keys()]): void {
    for (const store of stores) {
      this.#buffers.get(store)?.destroy();
      this.#buffers.delete(store);
    }
  }

  [Symbol.dispose](): void {
    this.free();
  }
}
