/**
 * A choice on trial: its ways made ready once, on the same tensors full of noise, to be compared and timed.
 *
 * @module
 */
import type { Gpu } from "../gpu/device.ts";
import { forgetPipeline } from "../gpu/kernel.ts";
import { Memory, type Store } from "../gpu/memory.ts";
import { refusalOf } from "../gpu/refusal.ts";
import { Difference, type Distance } from "./difference.ts";
import type { Outcome } from "./judge.ts";
import type { Noise } from "./noise.ts";
import { Program } from "./program.ts";
import { type Dispatch, Tape } from "./tape.ts";
import { type Choice, type Target, targetOf } from "./target.ts";
import { sizeOf, type Tensor, tensorIn } from "./tensor.ts";

/** What `way` comes down to: its dispatches on `tensors`, which stand in for those of the choice. */
export function dispatchesOf(
  target: Target,
  { ways }: Choice,
  { way, tensors }: { way: string; tensors: Readonly<Record<string, Tensor>> },
): Dispatch[] {
  const tape = new Tape(target, {
    training: true,
    views: 1,
    add() {
      throw new TypeError("A way has no gradients to add");
    },
  });
  ways[way].record(tape, tensors);
  return tape.dispatches;
}

/** Tensors of a choice that nothing else uses, one for each that it names: `make` gives a name and a shape a place. */
export function standInsFor(
  { tensors }: Choice,
  make: (name: string, shape: readonly number[]) => Tensor,
): Record<string, Tensor> {
  const made = new Map<Tensor, Tensor>();
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => {
      if (!made.has(tensor)) made.set(tensor, make(name, tensor.shape));
      return [name, made.get(tensor)!];
    }),
  );
}

/** A result of the choice, and what it is compared with. */
interface Result {
  tensor: Tensor;
  kept: Tensor;
  difference: Difference;
}

/** The ways of a choice. Disposing of it frees what they take. */
export class Trial implements Disposable {
  readonly #stack = new DisposableStack();
  readonly #memory: Memory;
  readonly #noise: Noise;
  readonly #dispatches: ReadonlyMap<string, readonly Dispatch[]>;
  readonly #programs = new Map<string, Program>();
  readonly #results: Result[];

  constructor(gpu: Gpu, { choice, ways, noise }: { choice: Choice; ways: readonly string[]; noise: Noise }) {
    const memory = this.#memory = this.#stack.use(new Memory(gpu)), target = targetOf(gpu);
    this.#noise = noise;
    const place = (name: string, shape: readonly number[]) => {
      const store: Store = { name, category: "input", bytes: 4 * sizeOf(shape) };
      return { store, tensor: tensorIn(store, { shape }) };
    };
    const stores: Store[] = [];
    const tensors = standInsFor(choice, (name, shape) => {
      const { store, tensor } = place(name, shape);
      stores.push(store);
      return tensor;
    });
    noise.fill(memory, stores);
    this.#dispatches = new Map(ways.map((way) => [way, dispatchesOf(target, choice, { way, tensors })]));
    const written = new Set([...this.#dispatches.values()].flat().flatMap(writtenBy));
    this.#results = [...new Set(Object.values(tensors))].filter((tensor) => written.has(tensor)).map(
      (tensor) => {
        const kept = place(`kept ${tensor.name}`, tensor.shape).tensor;
        return {
          tensor,
          kept,
          difference: this.#stack.use(new Difference(memory, { actual: tensor, expected: kept })),
        };
      },
    );
  }

  /** The program of a way that has been attempted. */
  program(way: string): Program {
    return this.#programs.get(way)!;
  }

  /** Runs a way, which compiles it the first time, on noise that is the same each time, in its results too. */
  async attempt(way: string): Promise<Outcome> {
    const { gpu } = this.#memory, dispatches = this.#dispatches.get(way)!;
    const refused = await refusalOf(gpu, () => {
      if (!this.#programs.has(way)) {
        this.#programs.set(way, this.#stack.use(new Program(this.#memory, { dispatches })));
      }
      const program = this.program(way);
      const scratch = program.plan.stores.filter(({ category }) => category === "activations");
      this.#noise.fill(this.#memory, [
        ...scratch,
        ...this.#results.map(({ tensor }) => tensor.region!.store),
      ]);
      program.run();
    });
    gpu.check();
    if (refused !== null) {
      for (const dispatch of dispatches) forgetPipeline(gpu, dispatch);
      return { refused: refused.trim().split("\n")[0] };
    }
    const distances: Distance[] = [];
    for (const { difference } of this.#results) distances.push(await difference.measure());
    const errors = distances.map(({ difference, expected }) => difference === 0 ? 0 : difference / expected);
    return { finite: distances.every(({ actual }) => Number.isFinite(actual)), error: Math.max(...errors) };
  }

  /** Keeps the results of the last run, to compare others with. */
  keep(): void {
    const { gpu } = this.#memory, encoder = gpu.device.createCommandEncoder();
    for (const { tensor, kept } of this.#results) {
      const [from, to] = [tensor, kept].map(({ region }) => this.#memory.buffer(region!.store));
      encoder.copyBufferToBuffer(from, 0, to, 0, tensor.region!.bytes);
    }
    gpu.device.queue.submit([encoder.finish()]);
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

/** The tensors that a dispatch writes. */
function writtenBy({ kernel, tensors }: Dispatch): Tensor[] {
  return Object.values(kernel.bindings).flatMap((access, i) => access === "read_write" ? [tensors[i]] : []);
}
