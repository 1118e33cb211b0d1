/**
 * Tracing: ops append dispatches to a tape and record how to differentiate them. {@linkcode Tape.backward} walks the
 * records back and appends the dispatches of the gradients.
 *
 * @module
 */
import { DispatchList } from "./dispatch_list.ts";
import type { ChoosingProfile, KernelChoice } from "./kernel_choice.ts";
import { originOf, sizeOf, type Tensor } from "./tensor.ts";

/** How to differentiate an op. */
interface BackwardRecord {
  output: Tensor;
  differentiate(dy: Tensor): void;
}

/** The record of one step. */
export class Tape extends DispatchList {
  readonly #records: BackwardRecord[] = [];
  readonly #gradients = new Map<Tensor, Tensor>();
  readonly #constants = new Set<Tensor>();
  #recording = true;

  /**
   * @param target The device that kernels are chosen for.
   * @param options `training`: batch statistics (true) or running statistics. `views`: the number of equal parts of the
   * batch with their own batch statistics. `add`: the op that adds a second gradient to a first one. `moments`: where the
   * mean or variance of each view goes, [views, C], in place of updating a running statistic [C] with it.
   */
  constructor(
    override readonly target: ChoosingProfile,
    readonly options: {
      training: boolean;
      views: number;
      add: (tape: Tape, tensors: { into: Tensor; from: Tensor }) => void;
      moments?: (running: Tensor, views: number) => Tensor;
    },
  ) {
    super(target);
  }

  /** Declares that the gradient of `tensor`, such as the images, is not needed. */
  markConstant(tensor: Tensor): Tensor {
    this.#constants.add(originOf(tensor));
    return tensor;
  }

  /** Whether the backward pass continues through `tensor`. */
  needsGradient(tensor: Tensor): boolean {
    return !this.#constants.has(originOf(tensor));
  }

  /** Appends the work of `choice`, by the variant that the target's chooser picks. */
  choose(choice: KernelChoice): void {
    const { variants, tensors } = choice;
    const [first, ...others] = Object.keys(variants);
    const picked = others.length > 0 ? this.target.chooser?.(choice) : undefined;
    (variants[picked ?? first] ?? variants[first]).record(this, tensors);
  }

  /** Records that `differentiate` appends the gradients of the op that made `output`, given the gradient of `output`. */
  recordBackward(output: Tensor, differentiate: (dy: Tensor) => void): void {
    if (this.#recording) this.#records.push({ output, differentiate });
  }

  /** Runs `fn` without recording gradients: for the target network, which has none. */
  noGrad<T>(fn: () => T): T {
    const before = this.#recording;
    this.#recording = false;
    try {
      return fn();
    } finally {
      this.#recording = before;
    }
  }

  /** Adds `gradient` to the gradient of `tensor`. The op that made `gradient` must own it. */
  accumulate(tensor: Tensor, gradient: Tensor): void {
    if (sizeOf(originOf(tensor).shape) !== sizeOf(gradient.shape)) {
      throw new TypeError(
        `Cannot add to the gradient of "${tensor.name}": [${gradient.shape}] and [${
          originOf(tensor).shape
        }] differ in size`,
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

  /** Appends the backward pass, starting from the gradients that were accumulated so far. */
  backward(): void {
    this.#recording = false;
    for (const { output, differentiate } of this.#records.reverse()) {
      const dy = this.gradientOf(output);
      if (dy) differentiate(this.reshape(dy, output.shape));
    }
    this.#records.length = 0;
  }
}
