/**
 * Tracing: ops append dispatches to a tape and record how to differentiate them. {@linkcode Tape.backward} walks the
 * records back and appends the dispatches of the gradients.
 *
 * @module
 */
import { DispatchList } from "./dispatch_list.ts";
import type { Choice, Target } from "./kernel_choice.ts";
import { originOf, sizeOf, type Tensor } from "./tensor.ts";

interface Note {
  output: Tensor;
  differentiate(dy: Tensor): void;
}

/** The record of one step. */
export class Tape extends DispatchList {
  readonly #notes: Note[] = [];
  readonly #gradients = new Map<Tensor, Tensor>();
  readonly #constants = new Set<Tensor>();
  #recording = true;

  /**
   * @param target The machine that kernels are chosen for.
   * @param options `training`: batch statistics (true) or running statistics. `views`: into how many equal parts the
   * batch falls that have batch statistics of their own. `add`: the op that adds a second gradient to a first one.
   */
  constructor(
    override readonly target: Target,
    readonly options: {
      training: boolean;
      views: number;
      add: (tape: Tape, tensors: { into: Tensor; from: Tensor }) => void;
    },
  ) {
    super(target);
  }

  /** Declares that nobody asks for the gradient of `tensor`, such as the images. */
  constant(tensor: Tensor): Tensor {
    this.#constants.add(originOf(tensor));
    return tensor;
  }

  /** Whether the backward pass goes on through `tensor`. */
  needsGradient(tensor: Tensor): boolean {
    return !this.#constants.has(originOf(tensor));
  }

  /** Appends the work of `choice` in the way that the target picks. */
  choose(choice: Choice): void {
    const { ways, tensors } = choice;
    const [usual, ...others] = Object.keys(ways);
    const picked = others.length > 0 ? this.target.pick?.(choice) : undefined;
    (ways[picked ?? usual] ?? ways[usual]).record(this, tensors);
  }

  /** Notes that `output` came from an op whose gradients `differentiate` appends, given that of `output`. */
  note(output: Tensor, differentiate: (dy: Tensor) => void): void {
    if (this.#recording) this.#notes.push({ output, differentiate });
  }

  /** Runs `fn` without noting anything: for the target network, which has no gradient. */
  withoutGradient<T>(fn: () => T): T {
    const before = this.#recording;
    this.#recording = false;
    try {
      return fn();
    } finally {
      this.#recording = before;
    }
  }

  /** Adds `gradient` to what is known of the gradient of `tensor`. The op that made `gradient` must be its owner. */
  accumulate(tensor: Tensor, gradient: Tensor): void {
    if (sizeOf(originOf(tensor).shape) !== sizeOf(gradient.shape)) {
      throw new TypeError(
        `Cannot add [${gradient.shape}] to the gradient of ${tensor.name}, [${tensor.shape}]`,
      );
    }
    const known = this.gradientOf(tensor);
    if (known) this.options.add(this, { into: known, from: gradient });
    else this.#gradients.set(originOf(tensor), gradient);
  }

  /** The gradient of `tensor`, after {@linkcode Tape.backward}. */
  gradientOf(tensor: Tensor): Tensor | undefined {
    return this.#gradients.get(originOf(tensor));
  }

  /** Appends the backward dispatches, from the gradients that were accumulated so far. */
  backward(): void {
    this.#recording = false;
    for (const { output, differentiate } of this.#notes.reverse()) {
      const dy = this.gradientOf(output);
      if (dy) differentiate(this.reshape(dy, output.shape));
    }
    this.#notes.length = 0;
  }
}
