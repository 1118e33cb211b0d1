/**
 * The networks of a run in GPU memory: trained step by step, read and restored.
 *
 * @module
 */
import { createViewFeed, type LoaderOptions, type ViewFeed } from "../views/view_uploader.ts";
import type { PackedImage } from "../../data/views/table.ts";
import type { Gpu } from "../gpu/device.ts";
import { Memory, type Store } from "../gpu/memory.ts";
import { liveBudget, type Recompute } from "../graph/plan.ts";
import { Program, type Timing } from "../graph/program.ts";
import { type ChoosingProfile, deviceProfileOf, type KernelChooser } from "../graph/kernel_choice.ts";
import { tensorIn } from "../graph/tensor.ts";
import type { FlatStore } from "../nn/parameters.ts";
import { drawWeights, packWeights, torchShapes, type TorchTensor, unpackWeights } from "../nn/weights.ts";
import { isAdapted } from "../optim/blocks.ts";
import {
  createOptimizer,
  type Optimizer,
  type OptimizerName,
  packStep,
  type StepScalars,
} from "../optim/optimizer.ts";
import { type Architecture, createNetworks, type Networks } from "./networks.ts";
import { BYOL, type Objective } from "./objective.ts";
import type { AuxiliaryHead, AuxiliaryHeadFactory } from "./auxiliary_head.ts";
import { RING_FIGURES, RING_SLOTS, type Step, traceStep } from "./step.ts";

/** Options of a {@linkcode Trainer}. */
export interface TrainerOptions {
  architecture: Architecture;
  /** Images per batch, and pixels of their sides. */
  batch: number;
  size: number;
  optimizer: OptimizerName;
  /** Of LARS, see {@linkcode OptimizerOptions}. */
  trust?: number;
  larsClip?: boolean;
  /** Batches whose gradients are averaged per step; 1 by default. */
  accumulate?: number;
  /** The training objective; BYOL's by default. */
  objective?: Objective;
  /** How the GPU creates the views from decoded images; null if the host writes the views. */
  loading?: LoaderOptions | null;
  /** How kernels are chosen; by default, each choice gets its default. */
  chooser?: KernelChooser;
  /** When activations are recomputed instead of being kept; "auto" by default. */
  recompute?: Recompute;
  /** Learns from the encoder's features, without affecting it. */
  auxiliaryHead?: AuxiliaryHeadFactory;
}

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

/** Traces a step of `options` without touching a GPU, for planning. */
export function traceTraining(
  options: TrainerOptions,
  profile: ChoosingProfile,
): { networks: Networks; optimizer: Optimizer; step: Step; auxiliaryHead?: AuxiliaryHead } {
  const { architecture, optimizer: name, objective = BYOL, trust, larsClip, accumulate = 1 } = options;
  const networks = createNetworks(architecture, objective);
  const { parameters, gradients } = networks.online.network;
  const averaged: Store | null = accumulate > 1
    ? { name: "averaged gradients", category: "gradients", bytes: parameters.store.bytes }
    : null;
  const optimizer = createOptimizer(
    { online: { parameters, gradients: averaged ?? gradients }, target: networks.target?.network ?? null },
    { name, maxBinding: profile.maxBinding, ema: objective.target === "ema", trust, larsClip },
  );
  const auxiliaryHead = options.auxiliaryHead?.({ target: profile, batch: options.batch });
  const step = traceStep(networks, {
    ...options,
    optimizer,
    profile,
    averaged,
    batches: accumulate,
    auxiliaryHead,
  });
  return { networks, optimizer, step, auxiliaryHead };
}

/** The state of a run on the GPU. Dispose of it to free the memory. */
export class Trainer {
  readonly memory: Memory;
  readonly networks: Networks;
  /** Bytes of the memory plan. */
  readonly plannedBytes: number;
  readonly #gpu: Gpu;
  readonly #optimizer: Optimizer;
  readonly #step: Step;
  readonly #program: Program;
  readonly #feed: ViewFeed;
  /** Batches per step. */
  readonly #batches: number;
  readonly #auxiliaryHead: AuxiliaryHead | undefined;

  constructor(gpu: Gpu, options: TrainerOptions) {
    const { networks, optimizer, step, auxiliaryHead } = traceTraining(
      options,
      deviceProfileOf(gpu, options.chooser),
    );
    this.#gpu = gpu;
    this.networks = networks;
    this.#optimizer = optimizer;
    this.#step = step;
    this.#batches = options.accumulate ?? 1;
    this.#auxiliaryHead = auxiliaryHead;
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
    this.plannedBytes = this.#program.plan.total;
    optimizer.prepare(this.memory);
    auxiliaryHead?.prepare(this.memory);
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
  }

  /**
   * Submits one batch of a step: `views` [2, batch, size, size, 4], or decoded images if the GPU creates the views. The last
   * batch of a step, usually the only one, updates the weights. Does not wait for the GPU; `views` may be reused at once.
   */
  step(
    views: Float32Array<ArrayBuffer> | readonly PackedImage[],
    { step, health = false, labels, ...scalars }: Submission,
  ): void {
    this.#gpu.check();
    if (labels) this.#auxiliaryHead?.feed(this.memory, labels);
    this.memory.write(this.#step.scalars, packStep({ ...scalars, slot: step % RING_SLOTS }));
    this.#feed.run(views, { end: this.#end({ part: scalars.part ?? 0, health }) });
  }

  /** The end of batch `part` of a step: only the last batch runs the update, and the health metrics if requested. */
  #end({ part, health }: { part: number; health: boolean }): number {
    const { update, health: healthCount } = this.#step.tail;
    const left = part < this.#batches - 1 ? update : health ? 0 : healthCount;
    return this.#program.plan.dispatches.length - left;
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
    const ring = await this.memory.read(
      tensorIn(this.#step.ring, { shape: [RING_SLOTS, RING_FIGURES] }).region!,
    );
    return Array.from({ length: to - from }, (_, i) => {
      const slot = (from + i) % RING_SLOTS;
      const [loss, zStd, gradNorm, cosine] = ring.subarray(RING_FIGURES * slot);
      return { loss, zStd, gradNorm, targetCosine: this.networks.target ? cosine : null };
    });
  }

  /** Where each part of the state lies, with the prefix of its names in a checkpoint. */
  #parts(): { flat: FlatStore; store: Store; prefix: string }[] {
    const online = this.networks.online.network, target = this.networks.target?.network;
    return [
      { flat: online.parameters, store: online.parameters.store, prefix: "online." },
      { flat: online.statistics, store: online.statistics.store, prefix: "online." },
      ...target
        ? [
          { flat: target.parameters, store: target.parameters.store, prefix: "target." },
          { flat: target.statistics, store: target.statistics.store, prefix: "target." },
        ]
        : [],
      { flat: online.parameters, store: this.#optimizer.velocity, prefix: "momentum." },
      ...this.#auxiliaryHead?.parts ?? [],
    ];
  }

  /** θ, ξ, their running statistics and the momentum, under torchvision's names with a prefix. Waits for the GPU. */
  async state(): Promise<Map<string, TorchTensor>> {
    const tensors = new Map<string, TorchTensor>();
    for (const { flat, store, prefix } of this.#parts()) {
      const content = await this.memory.read({ store, offset: 0, bytes: store.bytes });
      for (const entry of unpackWeights(flat, { content, prefix })) tensors.set(...entry);
    }
    return tensors;
  }

  /** The names and shapes of {@linkcode Trainer.state}. */
  stateShapes(): Map<string, number[]> {
    return new Map(this.#parts().flatMap(({ flat, prefix }) => [...torchShapes(flat, { prefix })]));
  }

  /** Restores what {@linkcode Trainer.state} gave; names and shapes must be those of {@linkcode Trainer.stateShapes}. */
  restore(tensors: ReadonlyMap<string, TorchTensor>): void {
    for (const { flat, store, prefix } of this.#parts()) {
      this.memory.write(store, packWeights(flat, (name) => tensors.get(prefix + name)!.data));
    }
  }

  [Symbol.dispose](): void {
    this.#program[Symbol.dispose]();
    this.memory[Symbol.dispose]();
  }
}

/** The online backbone's part of a state, under torchvision's own names, for other tools. */
export function backboneOf(state: ReadonlyMap<string, TorchTensor>): Map<string, TorchTensor> {
  const prefix = "online.backbone.";
  const entries = [...state].filter(([name]) => name.startsWith(prefix));
  return new Map(entries.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}
