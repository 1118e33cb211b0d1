/**
 * The networks of a run in GPU memory: trained step by step, read and restored.
 *
 * @module
 */
import { createViewFeed, type ViewFeed } from "../views/view_uploader.ts";
import type { PackedImage } from "../../data/views/table.ts";
import { type Agreement, type World, worldOfOne } from "../distributed/world.ts";
import type { Gpu } from "../gpu/device.ts";
import { Memory, type Store } from "../gpu/memory.ts";
import { liveBudget } from "../graph/plan.ts";
import { Program, type Timing } from "../graph/program.ts";
import { deviceProfileOf } from "../graph/kernel_choice.ts";
import { copiesOf } from "../nn/halves.ts";
import { drawWeights, packWeights, torchShapes, type TorchTensor, unpackWeights } from "../nn/weights.ts";
import { isAdapted } from "../optim/blocks.ts";
import type { LossScale } from "../optim/loss_scale.ts";
import { packStep, type StepScalars } from "../optim/optimizer.ts";
import type { AuxiliaryHead } from "./auxiliary_head.ts";
import { Exchange, type ExchangeTimes } from "./exchange.ts";
import type { Networks } from "./networks.ts";
import { RING_FIGURES, RING_SLOTS, type Step } from "./step.ts";
import { LOSS_SCALE_NAME, type StatePart, stateParts } from "./state_parts.ts";
import { traceTraining, type TrainerOptions } from "./trace_training.ts";

/** The metrics of a step. */
export interface StepMetrics {
  /** The sum of both terms averaged over the batch: 0 … 8 without negatives. */
  loss: number;
  /** Standard deviation of the normalized projections: near 1/√D when healthy, 0 when collapsed. */
  zStd: number;
  /** The l2 norm of the online network's gradient; of steps whose `health` was asked for. */
  gradNorm: number;
  /** The cosine of the online network's weights to the target's, after the step; likewise. Null without a target network. */
  targetCosine: number | null;
  /** With mixed precision: the loss scale of the step, and whether the step was skipped as its gradients overflowed. */
  lossScale?: number;
  skipped?: boolean;
}

/** The scalars of a submitted batch. */
export interface Submission extends Omit<StepScalars, "slot"> {
  /** The step of the batch, 0 for the first. */
  step: number;
  /** Whether the step also computes health metrics of the weights; for the last batch of a step. */
  health?: boolean;
  /** The classes of its images, for the auxiliary head. */
  labels?: ArrayLike<number>;
}

/** The state of a run on the GPU. Dispose of it to free the memory. */
export class Trainer {
  readonly memory: Memory;
  readonly networks: Networks;
  /** Bytes of the memory plan. */
  readonly plannedBytes: number;
  readonly #gpu: Gpu;
  readonly #step: Step;
  readonly #program: Program;
  readonly #feed: ViewFeed;
  /** Batches per step. */
  readonly #batches: number;
  readonly #parts: readonly StatePart[];
  readonly #auxiliaryHead: AuxiliaryHead | undefined;
  readonly #lossScale: LossScale | null;
  /** Copies the weights that the host wrote to float16; null for float32. */
  readonly #copying: Program | null;
  readonly #world: World;
  readonly #exchange: Exchange | null;
  /** The batch that was submitted last. */
  #submitted = { step: 0, part: 0, health: false };

  constructor(gpu: Gpu, options: TrainerOptions) {
    const profile = deviceProfileOf(gpu, options.chooser);
    const traced = traceTraining(options, profile);
    const { networks, optimizer, step, lossScale, auxiliaryHead, exchanged } = traced;
    this.#gpu = gpu;
    this.networks = networks;
    this.#step = step;
    this.#batches = options.accumulate ?? 1;
    this.#parts = stateParts(traced);
    this.#auxiliaryHead = auxiliaryHead;
    this.#lossScale = lossScale;
    this.memory = new Memory(gpu);
    this.#program = new Program(this.memory, {
      dispatches: step.dispatches,
      budget: liveBudget(options.recompute ?? "auto", gpu),
    });
    this.#feed = createViewFeed(this.memory, {
      program: this.#program,
      store: step.views,
      traced: step.loader,
    });
    const all = [networks.online.network, ...networks.target ? [networks.target.network] : []];
    this.#copying = lossScale && new Program(this.memory, copiesOf(all, profile));
    this.plannedBytes = this.#program.plan.total;
    optimizer.prepare(this.memory);
    auxiliaryHead?.prepare(this.memory);
    this.#world = options.world ?? worldOfOne;
    this.#exchange = exchanged && new Exchange(this.memory, this.#world, exchanged);
  }

  /** The parameters of one axis, which have neither weight decay nor a trust ratio. */
  get undecayed(): string[] {
    const { variables } = this.networks.online.network.parameters;
    return variables.filter((variable) => !isAdapted(variable)).map(({ name }) => name);
  }

  /**
   * Draws the initial weights, but for those in `given`, by the online network's names. A target network starts as a copy of
   * the online network, or from a draw of its own.
   */
  initialize({ seed, targetInit, given }: {
    seed: number;
    targetInit: "copy" | "independent";
    given?: ReadonlyMap<string, TorchTensor>;
  }): void {
    this.#exchange?.reset();
    const online = this.networks.online.network, target = this.networks.target?.network;
    for (const part of ["parameters", "statistics"] as const) {
      const values = drawWeights(online[part], { seed, given });
      this.memory.write(online[part].store, values);
      if (!target) continue;
      // The target's layout is a prefix of the online network's.
      const targetValues = targetInit === "copy"
        ? values.subarray(0, target[part].store.bytes / 4)
        : drawWeights(target[part], { seed: seed + 2 ** 32 });
      this.memory.write(target[part].store, targetValues);
    }
    this.#copying?.run();
  }

  /**
   * Submits one batch of a step: `views` [2, batch, size, size, 4], or decoded images if the GPU creates the views. The last
   * batch of a step, usually the only one, updates the weights. Does not wait for the GPU; `views` may be reused at once. Where
   * ranks train together, `part` counts the batches of all of them, and {@linkcode Trainer.join} follows.
   */
  step(
    views: Float32Array<ArrayBuffer> | readonly PackedImage[],
    { step, health = false, labels, ...scalars }: Submission,
  ): void {
    this.#gpu.check();
    if (labels) this.#auxiliaryHead?.feed(this.memory, labels);
    const { part = 0 } = scalars, isShared = this.#exchange !== null;
    this.#submitted = { step, part, health };
    // The batches of ranks are added by the exchange: each begins at 0.
    const packed = packStep({ ...scalars, part: isShared ? 0 : part, slot: step % RING_SLOTS });
    this.memory.write(this.#step.scalars, packed);
    this.#feed.run(views, {
      end: isShared ? this.#length - this.#step.tail.update : this.#end({ part, health }),
    });
  }

  /**
   * Joins the submitted batch with those of the other ranks, and takes the step after its last one. A process alone has
   * nothing to join.
   *
   * @param stop The exit code with which this rank wants to stop; 0 to go on.
   * @returns what all ranks agree on after the last batch of a step, else null.
   */
  async join(stop = 0): Promise<Agreement | null> {
    const { step, part, health } = this.#submitted, isLast = part + this.#world.size >= this.#batches;
    if (!this.#exchange) return isLast ? await this.#world.meet("", { stop }) : null;
    const slot = step % RING_SLOTS;
    const where = `step ${step + 1}, batch ${Math.floor(part / this.#world.size) + 1}`;
    const agreement = await this.#exchange.round(where, { slot, isLast, stop });
    if (!isLast) return null;
    const { update, health: healthCount } = this.#step.tail;
    this.#program.run({ begin: this.#length - update, end: this.#length - (health ? 0 : healthCount) });
    return agreement;
  }

  /** Resolves when this rank takes part in no exchange: before that it must not leave, nor may its memory be freed. */
  async endRound(): Promise<void> {
    await this.#exchange?.endRound();
  }

  /** Where the time of exchanges went since the last call; null for a process alone. */
  takeExchangeTimes(): ExchangeTimes | null {
    return this.#exchange?.takeTimes() ?? null;
  }

  /** Bytes that a rank sends in a round, and gets; 0 for a process alone. */
  get exchangedBytes(): number {
    return this.#exchange?.bytes ?? 0;
  }

  /** Gives all ranks the state of rank 0. */
  async share(): Promise<void> {
    if (this.#world.size === 1) return;
    for (const { store } of this.#parts) {
      const content = this.#world.rank === 0
        ? await this.memory.read({ store, offset: 0, bytes: store.bytes })
        : new Float32Array(store.bytes / 4);
      await this.#world.broadcast(store.name, new Uint8Array(content.buffer));
      this.memory.write(store, content);
    }
    this.#copying?.run();
    this.#exchange?.reset();
  }

  get #length(): number {
    return this.#program.plan.dispatches.length;
  }

  /** The end of batch `part` of a step: only the last batch runs the update, and the health metrics if requested. */
  #end({ part, health }: { part: number; health: boolean }): number {
    const { update, health: healthCount } = this.#step.tail;
    const left = part < this.#batches - 1 ? update : health ? 0 : healthCount;
    return this.#length - left;
  }

  /**
   * Takes one more step, with all batches on the last inputs, and resolves to the duration of each command, health metrics
   * included.
   */
  async timings(): Promise<Timing[]> {
    const timings: Timing[] = [];
    for (let part = 0; part < this.#batches; part++) {
      timings.push(...await this.#program.timings({ end: this.#end({ part, health: true }) }));
    }
    return timings;
  }

  /** Resolves when the GPU has finished what was submitted so far. */
  async settled(): Promise<void> {
    await this.#gpu.device.queue.onSubmittedWorkDone();
    this.#gpu.check();
  }

  /** The metrics of the steps `from` … `to` − 1, at most {@linkcode RING_SLOTS} back. Waits for the GPU. */
  async metrics(from: number, to: number): Promise<StepMetrics[]> {
    const whole = (store: Store) => this.memory.read({ store, offset: 0, bytes: store.bytes });
    const ring = await whole(this.#step.ring), scales = this.#lossScale && await whole(this.#lossScale.ring);
    return Array.from({ length: to - from }, (_, i) => {
      const slot = (from + i) % RING_SLOTS;
      const [loss, zStd, gradNorm, cosine] = ring.subarray(RING_FIGURES * slot);
      return {
        ...{ loss, zStd, gradNorm, targetCosine: this.networks.target ? cosine : null },
        ...scales && { lossScale: scales[2 * slot], skipped: scales[2 * slot + 1] === 1 },
      };
    });
  }

  /** θ, ξ, their running statistics and the momentum, under torchvision's names with a prefix. Waits for the GPU. */
  async state(): Promise<Map<string, TorchTensor>> {
    const tensors = new Map<string, TorchTensor>();
    for (const { flat, store, prefix } of this.#parts) {
      const content = await this.memory.read({ store, offset: 0, bytes: store.bytes });
      for (const entry of unpackWeights(flat, { content, prefix })) tensors.set(...entry);
    }
    return tensors;
  }

  /** The names and shapes of {@linkcode Trainer.state}. */
  stateShapes(): Map<string, number[]> {
    return new Map(this.#parts.flatMap(({ flat, prefix }) => [...torchShapes(flat, { prefix })]));
  }

  /**
   * Restores what {@linkcode Trainer.state} gave; names and shapes must be those of {@linkcode Trainer.stateShapes}. A loss
   * scale that the state lacks stays as it is.
   */
  restore(tensors: ReadonlyMap<string, TorchTensor>): void {
    this.#exchange?.reset();
    for (const { flat, store, prefix } of this.#parts) {
      if (store === this.#lossScale?.state.region?.store && !tensors.has(LOSS_SCALE_NAME)) continue;
      this.memory.write(store, packWeights(flat, (name) => tensors.get(prefix + name)!.data));
    }
    this.#copying?.run();
  }

  [Symbol.dispose](): void {
    this.#exchange?.[Symbol.dispose]();
    this.#program[Symbol.dispose]();
    this.#copying?.[Symbol.dispose]();
    this.memory[Symbol.dispose]();
  }
}

/** The online backbone's part of a state, under torchvision's own names, for other tools. */
export function backboneOf(state: ReadonlyMap<string, TorchTensor>): Map<string, TorchTensor> {
  const prefix = "online.backbone.";
  const entries = [...state].filter(([name]) => name.startsWith(prefix));
  return new Map(entries.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}
