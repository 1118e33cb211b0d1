/**
 * The difference of two tensors, computed on the GPU: three numbers are read back, and some elements.
 *
 * @module
 */
import code from "../../kernels/probes/largest_difference.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import type { Memory, Region, Store } from "../gpu/memory.ts";
import { Program } from "./program.ts";
import { Tape } from "./tape.ts";
import { deviceProfileOf } from "./kernel_choice.ts";
import { regionOf, sizeOf, type Tensor, tensorIn, typeOf } from "./tensor.ts";

const kernel: Kernel = {
  name: "largest_difference",
  files: { "probes/largest_difference.wgsl": code },
  bindings: { actual: "read", expected: "read", found: "read_write" },
  params: { n: "u32" },
};

/** Elements per invocation, where that makes enough invocations to fill a GPU, and most workgroups. */
const PER_INVOCATION = 16, MOST_GROUPS = 1024;

/** What {@linkcode Difference.measure} finds. A value that is not finite makes a maximum infinite or NaN. */
export interface Distance {
  /** The requested elements of `actual`. */
  samples: Float32Array;
  /** max |actual| */
  actual: number;
  /** max |expected| */
  expected: number;
  /** max |actual − expected| */
  difference: number;
}

/** Appends the comparison of `actual` and `expected`: `found` [3] has max |actual|, max |expected|, max |actual − expected|. */
export function recordDifference(
  tape: Tape,
  tensors: { actual: Tensor; expected: Tensor; found: Tensor },
): void {
  const n = sizeOf(tensors.actual.shape), isHalf = typeOf(tensors.actual) === "f16";
  // The kernel takes words: of float16 two elements each.
  const words = (tensor: Tensor): Tensor => isHalf ? { ...tensor, shape: [n / 2], type: "f32" } : tensor;
  tape.dispatch(kernel, {
    tensors: { ...tensors, actual: words(tensors.actual), expected: words(tensors.expected) },
    params: { n },
    constants: { HALVES: Number(isHalf) },
    grid: [Math.min(MOST_GROUPS, Math.ceil(n / 64 / PER_INVOCATION)), 1, 1],
  });
}

/** Compares two tensors of equal size, whose stores are in `memory`, repeatedly. */
export class Difference implements Disposable {
  readonly #memory: Memory;
  readonly #actual: Region;
  readonly #isHalf: boolean;
  readonly #samples: readonly number[];
  /** The three maxima, then the samples. */
  readonly #found: Store;
  readonly #program: Program;

  /** @param options `samples`: the indices of elements of `actual` to read back. */
  constructor(
    memory: Memory,
    { actual, expected, samples = [] }: { actual: Tensor; expected: Tensor; samples?: readonly number[] },
  ) {
    this.#memory = memory;
    this.#actual = regionOf(actual);
    this.#isHalf = typeOf(actual) === "f16";
    this.#samples = samples;
    this.#found = { name: "largest difference", category: "metrics", bytes: 4 * (3 + samples.length) };
    const tape = new Tape(deviceProfileOf(memory.gpu), {
      training: false,
      views: 1,
      add() {
        throw new TypeError("A difference has no gradients to add");
      },
    });
    recordDifference(tape, { actual, expected, found: tensorIn(this.#found, { shape: [3] }) });
    this.#program = new Program(memory, tape);
  }

  /** The distance of the tensors' current content. Waits for the GPU. */
  async measure(): Promise<Distance> {
    this.#memory.write(this.#found, new Uint32Array(3));
    this.#program.run();
    const { device } = this.#memory.gpu, encoder = device.createCommandEncoder();
    const from = this.#memory.buffer(this.#actual.store), to = this.#memory.buffer(this.#found);
    const isHalf = this.#isHalf, wordOf = (element: number) => isHalf ? element >> 1 : element;
    this.#samples.forEach((element, i) =>
      encoder.copyBufferToBuffer(from, this.#actual.offset + 4 * wordOf(element), to, 4 * (3 + i), 4)
    );
    device.queue.submit([encoder.finish()]);
    const found = await this.#memory.read({ store: this.#found, offset: 0, bytes: this.#found.bytes });
    const [actual, expected, difference] = found;
    const samples = isHalf
      ? Float32Array.from(
        this.#samples,
        (element, i) => new Float16Array(found.buffer)[2 * (3 + i) + element % 2],
      )
      : found.subarray(3);
    return { actual, expected, difference, samples };
  }

  [Symbol.dispose](): void {
    this.#program[Symbol.dispose]();
    this.#memory.free([this.#found]);
  }
}
