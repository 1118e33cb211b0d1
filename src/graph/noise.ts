/**
 * Numbers to try kernels on: normally distributed, as activations are. A GPU draws more power on them than on zeros, and
 * they reveal errors that zeros would hide.
 *
 * @module
 */
import type { Gpu } from "../gpu/device.ts";
import { Memory, type Store } from "../gpu/memory.ts";
import { hashText, keyedRandom } from "../base/random.ts";

/** A prime, so that the numbers repeat at no multiple of a tensor's sizes: reads from a wrong row differ. */
export const NOISE_LENGTH = 262_139;

/** A buffer of noise, 1 MB: uploaded once, and copied into other buffers by the GPU. */
export class Noise implements Disposable {
  readonly #memory: Memory;
  readonly #store: Store = { name: "noise", category: "input", bytes: 4 * NOISE_LENGTH };
  readonly #values: Float32Array<ArrayBuffer>;

  constructor(gpu: Gpu) {
    this.#memory = new Memory(gpu);
    const { normal } = keyedRandom(0);
    this.#values = Float32Array.from({ length: NOISE_LENGTH }, normal);
    this.#memory.write(this.#store, this.#values);
  }

  /** Fills `stores` of `memory`, each from a position in the noise that depends on its name. */
  fill(memory: Memory, stores: Iterable<Store>): void {
    const { device } = memory.gpu, encoder = device.createCommandEncoder();
    const from = this.#memory.buffer(this.#store);
    for (const store of stores) {
      const to = memory.buffer(store);
      let begin = 4 * beginOf(store.name);
      for (let offset = 0; offset < store.bytes; begin = 0) {
        const bytes = Math.min(4 * NOISE_LENGTH - begin, store.bytes - offset);
        encoder.copyBufferToBuffer(from, begin, to, offset, bytes);
        offset += bytes;
      }
    }
    device.queue.submit([encoder.finish()]);
  }

  /** Reads element `i` of the store called `name`, as it was filled. */
  readerOf(name: string): (i: number) => number {
    const begin = beginOf(name), values = this.#values;
    return (i) => values[(begin + i) % NOISE_LENGTH];
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}

function beginOf(name: string): number {
  return hashText(name) % NOISE_LENGTH;
}
