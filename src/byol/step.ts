/**
 * One training step of BYOL, traced (paper, algorithm 1).
 *
 * @module
 */
import { type LoaderOptions, type TracedLoader, traceLoader } from "../augment/loader.ts";
import type { Store } from "../gpu/memory.ts";
import { type Dispatch, Tape } from "../graph/tape.ts";
import type { Target } from "../graph/target.ts";
import { type Tensor, tensorIn } from "../graph/tensor.ts";
import { addInto } from "../ops/add.ts";
import { byolLoss, stepMetrics } from "../ops/byol_loss.ts";
import { type Optimizer, STEP_BYTES } from "../optim/optimizer.ts";
import type { Networks } from "./networks.ts";
import type { Observer } from "./observer.ts";

/** Slots of the ring that holds the metrics of past steps until the host reads them. */
export const RING_SLOTS = 4096;

/** A traced step and the stores that feed it and that it fills. */
export interface Step {
  dispatches: Dispatch[];
  /** Both views of the batch, [2, N, size, size, 4]: view 1 of all images, then view 2. */
  views: Store;
  /** What makes them of decoded images, if the host does not write them. */
  loader: TracedLoader | null;
  /** The step's scalars, packed by `packStep`. */
  scalars: Store;
  /** (loss, z_std) of each slot. */
  ring: Store;
}

/**
 * Traces a step of `batch` images of `size` × `size` pixels for the machine `target`. With `loading`, it begins with the
 * making of the views.
 */
export function traceStep(
  { online, target: targetNetwork }: Networks,
  { batch, size, optimizer, target, loading = null, observer }: {
    batch: number;
    size: number;
    optimizer: Optimizer;
    target: Target;
    loading?: LoaderOptions | null;
    /** Learns from the online network's features. */
    observer?: Observer;
  },
): Step {
  const viewShape = [2 * batch, size, size, 4];
  const views: Store = { name: "views", category: "input", bytes: viewShape.reduce((a, b) => a * b) * 4 };
  const scalars: Store = { name: "step", category: "input", bytes: STEP_BYTES, uniform: true };
  const ring: Store = { name: "metrics ring", category: "metrics", bytes: RING_SLOTS * 8 };
  const step = tensorIn(scalars, { shape: [STEP_BYTES / 4] });

  const tape = new Tape(target, { training: true, views: 2, add: addInto });
  const images: Tensor = tape.constant(tensorIn(views, { shape: viewShape }));
  const loader = loading && traceLoader(tape, { ...loading, images });

  const projected = tape.withoutGradient(() =>
    targetNetwork.projector(tape, targetNetwork.encoder(tape, images))
  );
  const features = online.encoder(tape, images);
  observer?.record(tape, features);
  const z = online.projector(tape, features);
  const q = online.predictor(tape, z);

  const losses = byolLoss(tape, { q, target: projected });
  stepMetrics(tape, { losses, z, ring: tensorIn(ring, { shape: [RING_SLOTS, 2] }), step });
  tape.backward();
  optimizer.record(tape, step);
  return { dispatches: tape.dispatches, views, loader, scalars, ring };
}
