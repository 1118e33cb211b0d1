/**
 * The two networks of BYOL (paper, section 3.1).
 *
 *     online θ   f backbone → g projector → q predictor
 *     target ξ   f backbone → g projector
 *
 * Other objectives have no q, or no ξ; see {@linkcode Objective}.
 *
 * @module
 */
import type { Layer } from "../nn/layers.ts";
import { mlp } from "../nn/layers.ts";
import { createNetwork, type Network, Scope } from "../nn/parameters.ts";
import { backbone as backboneLayer, featuresOf } from "../nn/backbone.ts";
import type { BackboneConfig, Stem } from "../nn/backbones.ts";
import { BYOL, hasTargetNetwork, type Objective } from "./objective.ts";

/** The sizes of both networks. */
export interface Architecture {
  backbone: BackboneConfig;
  stem: Stem;
  /** Width of the projector's and the predictor's hidden layer; a multiple of 4. */
  hidden: number;
  /** Dimensions of projections and predictions; a multiple of 4. */
  projection: number;
}

/** f and g. */
export interface Branch {
  network: Network;
  encoder: Layer;
  projector: Layer;
}

/** The online network, which learns, and the target network, which follows. */
export interface Networks {
  /** Without a predictor (null) the projections are the predictions. */
  online: Branch & { predictor: Layer | null };
  /** Null if the online network's own projections are the target. */
  target: Branch | null;
}

function branch(network: Network, { backbone, stem, hidden, projection }: Architecture): Branch {
  const scope = new Scope(network);
  return {
    network,
    encoder: backboneLayer(scope.child("backbone"), { config: backbone, stem }),
    projector: mlp(scope.child("projector"), {
      inFeatures: featuresOf(backbone),
      hidden,
      outFeatures: projection,
    }),
  };
}

/**
 * Declares the networks of `objective`; with `halves` they compute in float16. The predictor comes last, so that ξ pairs with a
 * prefix of θ.
 */
export function createNetworks(architecture: Architecture): Networks & { target: Branch };
export function createNetworks(
  architecture: Architecture,
  objective: Objective,
  options?: { halves?: boolean },
): Networks;
export function createNetworks(
  architecture: Architecture,
  objective: Objective = BYOL,
  { halves }: { halves?: boolean } = {},
): Networks {
  const online = branch(createNetwork("online", { gradients: true, halves }), architecture);
  const target = hasTargetNetwork(objective)
    ? branch(createNetwork("target", { gradients: false, halves }), architecture)
    : null;
  const { hidden, projection } = architecture;
  const predictor = objective.predictor
    ? mlp(new Scope(online.network).child("predictor"), {
      inFeatures: projection,
      hidden,
      outFeatures: projection,
    })
    : null;
  return { online: { ...online, predictor }, target };
}
