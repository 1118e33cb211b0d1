/**
 * What the state of a run consists of.
 *
 * @module
 */
import type { Store } from "../gpu/memory.ts";
import { constant } from "../nn/init.ts";
import { vectorLayout } from "../nn/layout.ts";
import type { FlatStore } from "../nn/parameters.ts";
import type { LossScale } from "../optim/loss_scale.ts";
import type { Traced } from "./trace_training.ts";

/** A part of the state: its variables, where they lie, and the prefix of their names in a checkpoint. */
export interface StatePart {
  flat: FlatStore;
  store: Store;
  prefix: string;
}

/** The name of the loss scale in a checkpoint. */
export const LOSS_SCALE_NAME = "loss_scale";

/** The parts of the state of a run: weights and running statistics of both networks, momentum, and what else learns. */
export function stateParts({ networks, optimizer, auxiliaryHead, lossScale }: Traced): StatePart[] {
  const online = networks.online.network, target = networks.target?.network;
  return [
    { flat: online.parameters, store: online.parameters.store, prefix: "online." },
    { flat: online.statistics, store: online.statistics.store, prefix: "online." },
    ...target
      ? [
        { flat: target.parameters, store: target.parameters.store, prefix: "target." },
        { flat: target.statistics, store: target.statistics.store, prefix: "target." },
      ]
      : [],
    { flat: online.parameters, store: optimizer.velocity, prefix: "momentum." },
    ...auxiliaryHead?.parts ?? [],
    ...lossScale ? [lossScalePart(lossScale)] : [],
  ];
}

function lossScalePart({ state }: LossScale): StatePart {
  const { store } = state.region!, layout = vectorLayout(state.shape[0]);
  const variables = [{ name: LOSS_SCALE_NAME, layout, tensor: state, init: constant(0) }];
  return { flat: { store, variables }, store, prefix: "" };
}
