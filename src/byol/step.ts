/**
 * One training step, traced (paper, algorithm 1).
 *
 * @module
 */
import { type LoaderOptions, type TracedLoader, traceLoader } from "../views/view_uploader.ts";
import type { Store } from "../gpu/memory.ts";
import type { Dispatch } from "../graph/dispatch_list.ts";
import { Tape } from "../graph/tape.ts";
import type { ChoosingProfile } from "../graph/kernel_choice.ts";
import { bytesOf, type Tensor, tensorIn } from "../graph/tensor.ts";
import { accumulateMean } from "../ops/accumulate.ts";
import { addInto } from "../ops/add.ts";
import { toFloat32 } from "../ops/cast.ts";
import { stepMetrics } from "../ops/step_metrics.ts";
import { weightHealth } from "../ops/weight_health.ts";
import type { LossScale } from "../optim/loss_scale.ts";
import { type Optimizer, STEP_BYTES } from "../optim/optimizer.ts";
import type { Networks } from "./networks.ts";
import { BYOL, type Objective, objectiveLoss } from "./objective.ts";
import type { AuxiliaryHead } from "./auxiliary_head.ts";

/** Slots of the ring, which holds the metrics of past steps until the host reads them. */
export const RING_SLOTS = 4096;
/** Numbers in a slot. */
export const RING_FIGURES = 4;

/** A traced step, and the stores that it reads and writes. */
export interface Step {
  dispatches: Dispatch[];
  /** Both views of the batch, [2, N, size, size, 4]: view 1 of all images, then view 2. */
  views: Store;
  /** Creates them from decoded images, if the host does not write them. */
  loader: TracedLoader | null;
  /** The step's scalars, packed by `packStep`. */
  scalars: Store;
  /** Each slot: loss, z_std, gradient norm, cosine of online and target weights. */
  ring: Store;
  /** How many dispatches at the end update the weights or follow, and how many of these only compute health metrics. */
  tail: { update: number; health: number };
}

/** Options of {@linkcode traceStep}. */
export interface StepOptions {
  /** Images per batch, and pixels of their sides. */
  batch: number;
  size: number;
  optimizer: Optimizer;
  /** The device, and how kernels are chosen for it. */
  profile: ChoosingProfile;
  /** Creates the views from decoded images; null if the host writes the views. */
  loading?: LoaderOptions | null;
  objective?: Objective;
  /** Where the mean of the gradients of `batches` batches goes. The optimizer reads it after the last of them. */
  averaged?: Store | null;
  batches?: number;
  /** Learns from the online network's features. */
  auxiliaryHead?: AuxiliaryHead;
  /** Where the moments of a batch go, by the store of running statistics: others know of more batches. */
  moments?: ReadonlyMap<Store, Store> | null;
  /** If the networks compute in float16: the views are float16 too. */
  lossScale?: LossScale | null;
}

/** Views of an image. */
export const VIEWS = 2;

/** A store for the moments of both views, with those of each running statistic at twice its offset. */
export function momentsOf({ name, bytes }: Store): Store {
  return { name: `moments for ${name}`, category: "statistics", bytes: VIEWS * bytes };
}

/** A store of parameters as a matrix of blocks: every parameter begins at a block of 64 elements. */
const blocksOf = (store: Store) => tensorIn(store, { shape: [store.bytes / 4 / 64, 64] });

/** Traces a step of algorithm 1. */
export function traceStep({ online, target }: Networks, options: StepOptions): Step {
  const { optimizer, profile, loading, objective = BYOL, averaged, batches = 1, auxiliaryHead, moments } =
    options;
  const lossScale = options.lossScale?.state;
  const { views, scalars, ring } = storesOf(options);
  const deferred = moments && ((running: Tensor, views: number) => {
    const { store, offset } = running.region!;
    return tensorIn(moments.get(store)!, { shape: [views, ...running.shape], offset: views * offset });
  });
  const tape = new Tape(profile, {
    ...{ training: true, views: VIEWS, add: addInto },
    ...deferred && { moments: deferred },
  });
  const images = tape.markConstant(tensorIn(views, { shape: viewShapeOf(options), type: views.type }));
  const step = tensorIn(scalars, { shape: [STEP_BYTES / 4] });
  const slots = tensorIn(ring, { shape: [RING_SLOTS, RING_FIGURES] });
  const loader = loading ? traceLoader(tape, { ...loading, images }) : null;

  // What follows the last layers is computed on float32.
  const projected = target &&
    tape.noGrad(() => toFloat32(tape, target.projector(tape, target.encoder(tape, images))));
  const features = online.encoder(tape, images);
  auxiliaryHead?.record(tape, { features: toFloat32(tape, features), step });
  const projections = online.projector(tape, features), z = toFloat32(tape, projections, lossScale);
  const q = online.predictor ? toFloat32(tape, online.predictor(tape, projections), lossScale) : z;
  const losses = objectiveLoss(tape, objective, { q, target: projected ?? z });
  stepMetrics(tape, { losses, z, ring: slots, step }, { batches });
  tape.backward();

  const { parameters, gradients } = online.network;
  if (averaged) {
    accumulateMean(tape, { mean: blocksOf(averaged), from: blocksOf(gradients!), step }, { batches });
  }
  const update = tape.dispatches.length;
  auxiliaryHead?.update(tape);
  optimizer.record(tape, step);
  const health = tape.dispatches.length;
  weightHealth(tape, {
    gradient: blocksOf(averaged ?? gradients!),
    theta: blocksOf(parameters.store),
    xi: target && blocksOf(target.network.parameters.store),
    ring: slots,
    step,
  });
  const { dispatches } = tape, tail = (from: number) => dispatches.length - from;
  return { dispatches, views, loader, scalars, ring, tail: { update: tail(update), health: tail(health) } };
}

/** The shape of both views of a batch. */
function viewShapeOf({ batch, size }: StepOptions): number[] {
  return [2 * batch, size, size, 4];
}

/** The stores that the host writes and reads. */
function storesOf(options: StepOptions): Pick<Step, "views" | "scalars" | "ring"> {
  const type = options.lossScale ? "f16" : "f32", bytes = bytesOf({ shape: viewShapeOf(options), type });
  return {
    views: { name: "views", category: "input", bytes, type },
    scalars: { name: "step", category: "input", bytes: STEP_BYTES, uniform: true },
    ring: { name: "metrics ring", category: "metrics", bytes: RING_SLOTS * RING_FIGURES * 4 },
  };
}
