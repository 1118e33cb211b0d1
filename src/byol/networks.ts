/**
 * The two networks of BYOL (paper, section 3.1).
 *
 *     online θ   f backbone → g projector → q predictor
 *     target ξ   f backbone → g projector
 *
 * @module
 */
import type { Layer } from "../nn/layers.ts";
import { mlp } from "../nn/layers.ts";
import { createNetwork, type Network, Scope } from "../nn/parameters.ts";
import type { ResNetConfig, Stem } from "../nn/backbones.ts";
import { featuresOf, resnet } from "../nn/resnet.ts";

/** What a pair of networks is made of. */
export interface Architecture {
  backbone: ResNetConfig;
  stem: Stem;
  /** Width of the projector's and the predictor's hidden layer; a multiple of 4. */
  hidden: number;
  /** Dimensions of projections and predictions; a multiple of 4. */
  projection: number;
}

/** f and g, and q for the online network. */
export interface Branch {
  network: Network;
  encoder: Layer;
  projector: Layer;
}

/** The online network, which learns, and the target network, which follows. */
export interface Networks {
  online: Branch & { predictor: Layer };
  target: Branch;
}

function branch(network: Network, { backbone, stem, hidden, projection }: Architecture): Branch {
  const scope = new Scope(network);
  return {
    network,
    encoder: resnet(scope.child("backbone"), { config: backbone, stem }),
    projector: mlp(scope.child("projector"), {
      inFeatures: featuresOf(backbone),
      hidden,
      outFeatures: projection,
    }),
  };
}

/** Declares both networks. The predictor comes last, so that ξ pairs with the beginning of θ. */
export function createNetworks(architecture: Architecture): Networks {
  const online = branch(createNetwork("online", { gradients: true }), architecture);
  const target = branch(createNetwork("target", { gradients: false }), architecture);
  const { hidden, projection } = architecture;
  const predictor = mlp(new Scope(online.network).child("predictor"), {
    inFeatures: projection,
    hidden,
    outFeatures: projection,
  });
  return { online: { ...online, predictor }, target };
}
