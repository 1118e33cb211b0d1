/**
 * A trial of a choice: its variants prepared once, on the same tensors of noise, to be compared and timed.
 *
 * @module
 */
import type { Gpu } from "../gpu/device.ts";
import { forgetPipeline } from "../gpu/kernel.ts";
import { Memory, type Region } from "../gpu/memory.ts";
import { refusalOf } from "../gpu/refusal.ts";
import { keyedRandom } from "../base/random.ts";
import { Difference } from "./difference.ts";
import type { Attempt } from "./judge.ts";
import type { Noise } from "./noise.ts";
import { Program } from "./program.ts";
import type { Dispatch } from "./dispatch_list.ts";
import { Tape } from "./tape.ts";
import { type ChoosingProfile, deviceProfileOf, type KernelChoice } from "./kernel_choice.ts";
import { bytesOf, regionOf, sizeOf, type Tensor, tensorIn } from "./tensor.ts";

/** The dispatches of `variant` on `tensors`, which stand in for those of the choice. */
export function dispatchesOf(
  target: ChoosingProfile,
  { variants }: KernelChoice,
  { variant, tensors }: { variant: string; tensors: Readonly<Record<string, Tensor>> },
): Dispatch[] {
  const tape = new Tape(target, {
    training: true,
    views: 1,
    add() {
      throw new TypeError("A variant has no gradients to add");
    },
  });
  variants[variant].record(tape, tensors);
  return tape.dispatches;
}

/** Stand-ins for the tensors of a choice, one for each: `make` creates a tensor of a name, a shape and a type. */
export function standInsFor(
  { tensors }: KernelChoice,
  make: (name: string, like: Pick<Tensor, "shape" | "type">) => Tensor,
): Record<string, Tensor> {
  const made = new Map<Tensor, Tensor>();
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => {
      if (!made.has(tensor)) made.set(tensor, make(name, tensor));
      return [name, made.get(tensor)!];
    }),
  );
}

/** Elements that the host computes: as many as have so many terms in total, within limits. */
const SAMPLED_TERMS = 2 ** 20, SAMPLES = { min: 4, max: 64 };

/** The variants of a choice. Disposing of it frees their memory. */
export class Trial implements Disposable {
  readonly #stack = new DisposableStack();
  readonly #memory: Memory;
  readonly #noise: Noise;
  readonly #dispatches: ReadonlyMap<string, readonly Dispatch[]>;
  readonly #programs = new Map<string, Program>();
  /** The result of the variants, and the one that it is compared with. */
  readonly #result: Region;
  readonly #kept: Region;
  readonly #difference: Difference;
  /** Elements of the result as the host computes them. */
  readonly #truth: readonly number[];

  constructor(
    gpu: Gpu,
    { choice, variants, noise }: { choice: KernelChoice; variants: readonly string[]; noise: Noise },
  ) {
    const memory = this.#memory = this.#stack.use(new Memory(gpu)), target = deviceProfileOf(gpu);
    const { name, terms, element } = choice.result;
    this.#noise = noise;
    const tensors = standInsFor(choice, place);
    noise.fill(memory, new Set(Object.values(tensors).map(({ region }) => region!.store)));
    this.#dispatches = new Map(
      variants.map((variant) => [variant, dispatchesOf(target, choice, { variant, tensors })]),
    );

    const actual = tensors[name], expected = place(`kept ${name}`, actual);
    const samples = sampled(sizeOf(actual.shape), terms);
    const readers = new Map(
      Object.entries(tensors).map(([name, { region }]) => [name, noise.readerOf(region!.store)]),
    );
    this.#truth = samples.map((i) => element(i, (name, i) => readers.get(name)!(i)));
    this.#result = regionOf(actual);
    this.#kept = regionOf(expected);
    this.#difference = this.#stack.use(new Difference(memory, { actual, expected, samples }));
  }

  /** The program of a variant that was attempted. */
  program(variant: string): Program {
    return this.#programs.get(variant)!;
  }

  /** Runs a variant, and compiles it the first time. All its tensors, the result too, hold the same noise each time. */
  async attempt(variant: string): Promise<Attempt> {
    const { gpu } = this.#memory, dispatches = this.#dispatches.get(variant)!;
    const refused = await refusalOf(gpu, () => {
      if (!this.#programs.has(variant)) {
        this.#programs.set(variant, this.#stack.use(new Program(this.#memory, { dispatches })));
      }
      const program = this.program(variant);
      const scratch = program.plan.stores.filter(({ category }) => category === "activations");
      this.#noise.fill(this.#memory, [...scratch, this.#result.store]);
      program.run();
    });
    gpu.check();
    if (refused !== null) {
      for (const dispatch of dispatches) forgetPipeline(gpu, dispatch);
      return { refused: refused.trim().split("\n")[0] };
    }
    const { actual, expected, difference, samples } = await this.#difference.measure();
    const missed = this.#truth.map((truth, i) => share(Math.abs(samples[i] - truth), actual));
    const largest = Math.max(...this.#truth.map(Math.abs));
    return {
      finite: Number.isFinite(actual),
      // Errors are told as parts of the largest value, so that value itself must not be an error.
      missed: actual > OUTLIER * largest ? share(actual, largest) : Math.max(...missed),
      error: share(difference, expected),
    };
  }

  /** Keeps the result of the last run, to compare others with it. */
  keep(): void {
    const { gpu } = this.#memory, encoder = gpu.device.createCommandEncoder();
    const [from, to] = [this.#result, this.#kept].map(({ store }) => this.#memory.buffer(store));
    encoder.copyBufferToBuffer(from, 0, to, 0, this.#result.bytes);
    gpu.device.queue.submit([encoder.finish()]);
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

/** No element of a result of noise is so many times the largest one of a few others: of those that the host computes. */
const OUTLIER = 1000;

/** A tensor in a store of its own. */
function place(name: string, { shape, type }: Pick<Tensor, "shape" | "type">): Tensor {
  return tensorIn({ name, category: "input", bytes: bytesOf({ shape, type }), type }, { shape, type });
}

/** The elements that the host computes, of `n` sums of `terms`: the first, the last, and random others. */
function sampled(n: number, terms: number): number[] {
  const count = Math.max(SAMPLES.min, Math.min(SAMPLES.max, Math.floor(SAMPLED_TERMS / terms)));
  const { integer } = keyedRandom(n, terms);
  return [...new Set([0, n - 1, ...Array.from({ length: count - 2 }, () => integer(n))])];
}

function share(part: number, whole: number): number {
  return part === 0 ? 0 : part / whole;
}
