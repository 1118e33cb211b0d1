/**
 * One training step, traced (paper, algorithm 1).
 *
 * @module
 */
import { type LoaderOptions, type TracedLoader, traceLoader } from "../views/view_uploader.ts";
import type { Store } from "../gpu/memory.ts";
import type { Dispatch } from "../graph/dispatch_list.ts";
import { Tape } from "../graph/tape.ts";
import type { Target } from "../graph/kernel_choice.ts";
import { type Tensor, tensorIn } from "../graph/tensor.ts";
import { accumulateMean } from "../ops/accumulate.ts";
import { addInto } from "../ops/add.ts";
import { stepMetrics } from "../ops/step_metrics.ts";
import { weightHealth } from "../ops/weight_health.ts";
import { type Optimizer, STEP_BYTES } from "../optim/optimizer.ts";
import type { Networks } from "./networks.ts";
import { BYOL, type Objective, objectiveLoss } from "./objective.ts";
import type { Observer } from "./observer.ts";

/** Slots of the ring that holds the metrics of past steps until the host reads them. */
export const RING_SLOTS = 4096;
/** Numbers in a slot. */
export const RING_FIGURES = 4;

/** A traced step and the stores that feed it and that it fills. */
export interface Step {
  dispatches: Dispatch[];
  /** Both views of the batch, [2, N, size, size, 4]: view 1 of all images, then view 2. */
  views: Store;
  /** What makes them of decoded images, if the host does not write them. */
  loader: TracedLoader | null;
  /** The step's scalars, packed by `packStep`. */
  scalars: Store;
  /** Of each slot loss, z_std, gradient norm, cosine of online to target weights. */
  ring: Store;
  /** How many of the last dispatches update the weights and come later, and how many of these only tell their health. */
  tail: { update: number; health: number };
}

/** Elements of a row, if a store of parameters is taken for a matrix: a block, at which every parameter begins. */
const BLOCK = 64;

const blocksOf = (store: Store) => tensorIn(store, { shape: [store.bytes / 4 / BLOCK, BLOCK] });

/**
 * Traces a step of `batch` images of `size` × `size` pixels for the machine `target`. With `loading`, it begins with the
 * making of the views. With a store of `averaged` gradients, the mean of those of so many `batches` goes there, and the
 * optimizer, which must take it from there, is meant to run after the last of them only.
 */
export function traceStep(
  { online, target: targetNetwork }: Networks,
  {
    batch,
    size,
    optimizer,
    target,
    loading = null,
    objective = BYOL,
    averaged = null,
    batches = 1,
    observer,
  }: {
    batch: number;
    size: number;
    optimizer: Optimizer;
    target: Target;
    loading?: LoaderOptions | null;
    objective?: Objective;
    averaged?: Store | null;
    batches?: number;
    /** Learns from the online network's features. */
    observer?: Observer;
  },
): Step {
  const viewShape = [2 * batch, size, size, 4];
  const views: Store = { name: "views", category: "input", bytes: viewShape.reduce((a, b) => a * b) * 4 };
  const scalars: Store = { name: "step", category: "input", bytes: STEP_BYTES, uniform: true };
  const ring: Store = { name: "metrics ring", category: "metrics", bytes: RING_SLOTS * RING_FIGURES * 4 };
  const step = tensorIn(scalars, { shape: [STEP_BYTES / 4] });

  const tape = new Tape(target, { training: true, views: 2, add: addInto });
  const images: Tensor = tape.constant(tensorIn(views, { shape: viewShape }));
  const loader = loading && traceLoader(tape, { ...loading, images });

  const projected = targetNetwork &&
    tape.withoutGradient(() => targetNetwork.projector(tape, targetNetwork.encoder(tape, images)));
  const features = online.encoder(tape, images);
  observer?.record(tape, features);
  const z = online.projector(tape, features);
  const q = online.predictor?.(tape, z) ?? z;

  const losses = objectiveLoss(tape, objective, { q, target: projected ?? z });
  const slots = tensorIn(ring, { shape: [RING_SLOTS, RING_FIGURES] });
  stepMetrics(tape, { losses, z, ring: slots, step }, { batches });
  tape.backward();
  const { parameters, gradients } = online.network;
  if (averaged) {
    accumulateMean(tape, { mean: blocksOf(averaged), from: blocksOf(gradients!), step }, { batches });
  }
  const update = tape.dispatches.length;
  optimizer.record(tape, step);
  const health = tape.dispatches.length;
  weightHealth(tape, {
    gradient: blocksOf(averaged ?? gradients!),
    theta: blocksOf(parameters.store),
    xi: targetNetwork && blocksOf(targetNetwork.network.parameters.store),
    ring: slots,
    step,
  });
  const { dispatches } = tape, tail = (from: number) => dispatches.length - from;
  return { dispatches, views, loader, scalars, ring, tail: { update: tail(update), health: tail(health) } };
}
