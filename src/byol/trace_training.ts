/**
 * A training step with all that it needs, traced without touching a GPU.
 *
 * @module
 */
import type { LoaderOptions } from "../views/view_uploader.ts";
import type { Store } from "../gpu/memory.ts";
import { type World, worldOfOne } from "../distributed/world.ts";
import type { ChoosingProfile, KernelChooser } from "../graph/kernel_choice.ts";
import type { Recompute } from "../graph/plan.ts";
import { expectHalves } from "../nn/halves.ts";
import type { Precision } from "../nn/parameters.ts";
import { createLossScale, type LossScale, type LossScaleOption } from "../optim/loss_scale.ts";
import { createOptimizer, type Optimizer, type OptimizerName } from "../optim/optimizer.ts";
import type { AuxiliaryHead, AuxiliaryHeadFactory } from "./auxiliary_head.ts";
import type { ExchangeOptions } from "./exchange.ts";
import { type Architecture, createNetworks, type Networks } from "./networks.ts";
import { BYOL, type Objective } from "./objective.ts";
import { momentsOf, RING_SLOTS, type Step, traceStep } from "./step.ts";

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
  /** What is float16; "f32" by default: nothing. With "mixed", the loss scale; "dynamic" by default. */
  precision?: Precision;
  lossScale?: LossScaleOption;
  /** Batches whose gradients are averaged per step; 1 by default. Ranks share them: a multiple of their number. */
  accumulate?: number;
  /** The ranks that train together; by default this process is alone. */
  world?: World;
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

/** A step, and what it is made of. */
export interface Traced {
  networks: Networks;
  optimizer: Optimizer;
  step: Step;
  /** Null for float32. */
  lossScale: LossScale | null;
  auxiliaryHead?: AuxiliaryHead;
  /** What ranks exchange; null where there is one. */
  exchanged: ExchangeOptions | null;
}

/** Traces a step of `options` without touching a GPU. */
export function traceTraining(
  options: TrainerOptions,
  profile: ChoosingProfile,
): Traced {
  const { architecture, optimizer: name, objective = BYOL, trust, larsClip, accumulate = 1 } = options;
  const { size: ranks } = options.world ?? worldOfOne;
  if (accumulate % ranks !== 0) {
    throw new RangeError(`Cannot share ${accumulate} batches of a step among ${ranks} ranks`);
  }
  const mixed = options.precision === "mixed";
  if (mixed) expectHalves(profile, "train");
  const lossScale = mixed
    ? createLossScale({ scale: options.lossScale ?? "dynamic", slots: RING_SLOTS })
    : null;
  const networks = createNetworks(architecture, objective, { halves: mixed });
  const { parameters, gradients, halves } = networks.online.network;
  const averaged: Store | null = accumulate > 1
    ? { name: "averaged gradients", category: "gradients", bytes: parameters.store.bytes }
    : null;
  const optimizer = createOptimizer(
    {
      online: { parameters, gradients: averaged ?? gradients, halves },
      target: networks.target?.network ?? null,
    },
    {
      ...{ name, maxBinding: profile.maxBinding, ema: objective.target === "ema", trust, larsClip },
      ...lossScale && { lossScale },
    },
  );
  const auxiliaryHead = options.auxiliaryHead?.({
    target: profile,
    batch: options.batch,
    batches: accumulate,
  });
  const all = [networks.online.network, networks.target?.network ?? null].filter((one) => one !== null);
  const statistics = all.map(({ statistics: running }) => ({ running, moments: momentsOf(running.store) }));
  const moments = ranks > 1
    ? new Map(statistics.map(({ running, moments }) => [running.store, moments]))
    : null;
  const step = traceStep(networks, {
    ...options,
    optimizer,
    profile,
    averaged,
    batches: accumulate,
    auxiliaryHead,
    moments,
    lossScale,
  });
  const exchanged = ranks > 1 ? { statistics, averaged: averaged!, auxiliaryHead, ring: step.ring } : null;
  return { networks, optimizer, step, lossScale, auxiliaryHead, exchanged };
}
