/**
 * Numbers to try kernels on: normally distributed, as activations are. A GPU draws more power on them than on zeros, and
 * they reveal errors that zeros would hide.
 *
 * @module
 */
import type { Gpu } from "../gpu/device.ts";
import { ELEMENT_BYTES, type ElementType } from "../gpu/kernel.ts";
import { Memory, type Store } from "../gpu/memory.ts";
import { hashText, keyedRandom } from "../base/random.ts";

/**
 * A prime, so that the numbers repeat at no multiple of a tensor's sizes: reads from a wrong row differ. For float16 twice a
 * prime, as copies take whole words.
 */
export const NOISE_LENGTH = 262_139, HALF_NOISE_LENGTH = 2 * 131_071;

/** Noise on the GPU, and its values. */
interface Source {
  store: Store;
  values: Float32Array<ArrayBuffer> | Float16Array<ArrayBuffer>;
}

/** A buffer of noise for each type, 1 and 0.5 MB: uploaded once, and copied into other buffers by the GPU. */
export class Noise implements Disposable {
  readonly #memory: Memory;
  readonly #sources = new Map<ElementType, Source>();

  constructor(gpu: Gpu) {
    this.#memory = new Memory(gpu);
  }

  /** The noise of a type, uploaded when it is first asked for. */
  #sourceOf({ type = "f32" }: Pick<Store, "type">): Source {
    let source = this.#sources.get(type);
    if (!source) {
      const { normal } = keyedRandom(0);
      const values = type === "f16"
        ? Float16Array.from({ length: HALF_NOISE_LENGTH }, normal)
        : Float32Array.from({ length: NOISE_LENGTH }, normal);
      source = { store: { name: "noise", category: "input", bytes: values.byteLength }, values };
      this.#memory.write(source.store, new Uint8Array(values.buffer));
      this.#sources.set(type, source);
    }
    return source;
  }

  /** Fills `stores` of `memory`, each from a position in the noise that depends on its name. */
  fill(memory: Memory, stores: Iterable<Store>): void {
    const { device } = memory.gpu, encoder = device.createCommandEncoder();
    for (const store of stores) {
      const { store: source } = this.#sourceOf(store);
      const from = this.#memory.buffer(source), to = memory.buffer(store);
      let begin = beginOf(store) * ELEMENT_BYTES[store.type ?? "f32"];
      for (let offset = 0; offset < store.bytes; begin = 0) {
        const bytes = Math.min(source.bytes - begin, store.bytes - offset);
        encoder.copyBufferToBuffer(from, begin, to, offset, bytes);
        offset += bytes;
      }
    }
    device.queue.submit([encoder.finish()]);
  }

  /** Reads element `i` of `store`, as it was filled. */
  readerOf(store: Pick<Store, "name" | "type">): (i: number) => number {
    const begin = beginOf(store), { values } = this.#sourceOf(store);
    return (i) => values[(begin + i) % values.length];
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}

/** The element of the noise with which a store begins. */
function beginOf({ name, type }: Pick<Store, "name" | "type">): number {
  const hash = hashText(name);
  return type === "f16" ? 2 * (hash % (HALF_NOISE_LENGTH / 2)) : hash % NOISE_LENGTH;
}
