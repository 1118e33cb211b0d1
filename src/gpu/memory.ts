/**
 * The buffers behind named stores. A store is a name and a size until memory is allocated for it, so that a plan can be
 * made and checked without allocating anything.
 *
 * @module
 */
import { MachineError } from "../base/errors.ts";
import type { Gpu } from "./device.ts";
import { ELEMENT_BYTES, type ElementType } from "./kernel.ts";

/** What a store is for: the rows of the memory plan. */
export type Category =
  | "parameters"
  | "gradients"
  | "optimizer"
  | "statistics"
  | "input"
  | "activations"
  | "texture copies"
  | "metrics";

/** A piece of GPU memory: a buffer of its own once it is allocated. Sizes are in bytes. */
export interface Store {
  readonly name: string;
  readonly category: Category;
  bytes: number;
  /** True for the step's scalars, which kernels bind as a uniform. */
  readonly uniform?: boolean;
  /** The type of the elements of a texture, or of a buffer that the host fills; float32 by default. */
  readonly type?: ElementType;
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

/** Texels of four floats in a row of a texture copy. Texel i is at column i mod 1024 of row ⌊i / 1024⌋. */
const TEXTURE_WIDTH = 1024;
const TEXTURE_FORMAT = { f32: "rgba32float", f16: "rgba16float" } as const;
/** Buffers have whole rows of the largest texels, so that all copies to textures are within them. */
const BUFFER_UNIT = 16 * TEXTURE_WIDTH;

/** Bytes of a texel of four components of a type. */
export function texelBytes({ type = "f32" }: { type?: ElementType }): number {
  return 4 * ELEMENT_BYTES[type];
}

/** Bytes of a texture that holds a copy of `bytes` bytes: whole rows. */
export function textureBytes({ bytes, type }: { bytes: number; type?: ElementType }): number {
  return roundUp(bytes, TEXTURE_WIDTH * texelBytes({ type }));
}

/** The rows of the texture `store`. */
export function textureRows({ bytes, type }: { bytes: number; type?: ElementType }): number {
  return Math.ceil(bytes / TEXTURE_WIDTH / texelBytes({ type }));
}

/** Bytes of the buffer or texture of `store`: whole rows of a texture. */
export function allocatedBytes(store: Store): number {
  return roundUp(Math.max(store.bytes, 1), store.uniform ? 16 : BUFFER_UNIT);
}

/** `n` rounded up to a multiple of `unit`. */
export function roundUp(n: number, unit: number): number {
  return Math.ceil(n / unit) * unit;
}

const USAGE = 0x4 | 0x8 | 0x40 | 0x80; // COPY_SRC, COPY_DST, UNIFORM, STORAGE; GPUBufferUsage is absent without WebGPU

/** The buffers of a set of stores. Disposing of it destroys them. */
export class Memory {
  readonly #buffers = new Map<Store, GPUBuffer>();
  readonly #textures = new Map<Store, GPUTexture>();

  constructor(readonly gpu: Gpu) {}

  /** The store's buffer, zeroed when it is made. */
  buffer(store: Store): GPUBuffer {
    let buffer = this.#buffers.get(store);
    if (!buffer) {
      const { limits, device } = this.gpu;
      const size = allocatedBytes(store);
      if (size > limits.maxBuffer) {
        throw new MachineError(
          `Cannot allocate "${store.name}": it takes ${size} bytes, and a buffer of this GPU has at most ` +
            `${limits.maxBuffer}.`,
          { problem: "batch" },
        );
      }
      device.pushErrorScope("out-of-memory");
      const usage = store.uniform ? USAGE & ~0x80 : USAGE & ~0x40;
      buffer = device.createBuffer({ label: store.name, size, usage });
      device.popErrorScope().catch(() => null).then((error) => {
        if (error) {
          this.gpu.fail(
            new MachineError(
              `Cannot allocate "${store.name}": the GPU refused ${size} bytes: ${error.message}`,
              { problem: "memory" },
            ),
          );
        }
      });
      this.#buffers.set(store, buffer);
    }
    return buffer;
  }

  /** The texture `store`, of category "texture copies", with as many rows as its bytes need. */
  texture(store: Store): GPUTexture {
    let texture = this.#textures.get(store);
    if (!texture) {
      const height = textureRows(store);
      const { maxTexture } = this.gpu.limits;
      if (height > maxTexture) {
        throw new MachineError(
          `Cannot copy to "${store.name}": it takes ${height} rows, and a texture of this GPU has at most ${maxTexture}.`,
          { problem: "batch" },
        );
      }
      texture = this.gpu.device.createTexture({
        label: store.name,
        size: [TEXTURE_WIDTH, height],
        format: TEXTURE_FORMAT[store.type ?? "f32"],
        usage: GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_DST,
      });
      this.#textures.set(store, texture);
    }
    return texture;
  }

  /** Encodes the copy of a region to the beginning of the texture `to`; the rest of the texture stays. */
  copyToTexture(encoder: GPUCommandEncoder, { from, to }: { from: Region; to: Store }): void {
    const buffer = this.buffer(from.store), texture = this.texture(to);
    const texel = texelBytes(to), bytesPerRow = TEXTURE_WIDTH * texel;
    const rows = Math.floor(from.bytes / bytesPerRow);
    const rest = Math.ceil((from.bytes - rows * bytesPerRow) / texel);
    if (rows > 0) {
      const source = { buffer, offset: from.offset, bytesPerRow };
      encoder.copyBufferToTexture(source, { texture }, [TEXTURE_WIDTH, rows]);
    }
    if (rest > 0) {
      const source = { buffer, offset: from.offset + rows * bytesPerRow, bytesPerRow };
      encoder.copyBufferToTexture(source, { texture, origin: [0, rows] }, [rest, 1]);
    }
  }

  /** Copies `data` to the beginning of the store, or to `offset` bytes after it. Both may be empty. */
  write(store: Store, data: ArrayBufferView<ArrayBuffer>, offset = 0): void {
    // Deno panics on an empty view; a network without batch normalization has no running statistics.
    if (data.byteLength === 0) return;
    this.gpu.device.queue.writeBuffer(this.buffer(store), offset, data);
  }

  /** The store's content, or that of one region of it. Waits for the GPU. */
  async read({ store, offset, bytes }: Region): Promise<Float32Array<ArrayBuffer>> {
    if (bytes === 0) return new Float32Array(0);
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

  /** Destroys the buffers and textures of `stores`, or all. */
  free(stores: Iterable<Store> = [...this.#buffers.keys(), ...this.#textures.keys()]): void {
    for (const store of stores) {
      for (const held of [this.#buffers, this.#textures]) {
        held.get(store)?.destroy();
        held.delete(store);
      }
    }
  }

  [Symbol.dispose](): void {
    this.free();
  }
}
