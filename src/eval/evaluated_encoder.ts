/**
 * An encoder that is evaluated, and its network.
 *
 * @module
 */
import type { Recipe, Rgb } from "../../data/views/recipe.ts";
import { sizeOf } from "../graph/tensor.ts";
import { backbone, featuresOf } from "../nn/backbone.ts";
import type { BackboneConfig, Stem } from "../nn/backbones.ts";
import type { Layer } from "../nn/layers.ts";
import { createNetwork, type Network, Scope } from "../nn/parameters.ts";
import { drawWeights, packWeights, torchShapes, type TorchTensor } from "../nn/weights.ts";

/** An encoder with its weights, and how images are prepared for it. */
export interface EvaluatedEncoder {
  /** The file it was read from. */
  path: string;
  backbone: string;
  config: BackboneConfig;
  stem: Stem;
  /** Side of its images in pixels. */
  size: number;
  mean: Rgb;
  std: Rgb;
  /** Fingerprint of the run's images; null without a run, or if it has none. */
  fingerprint: string | null;
  tensors: ReadonlyMap<string, TorchTensor>;
}

/** A backbone with stores for its parameters. */
export interface BuiltEncoder {
  network: Network;
  layer: Layer;
  dims: number;
}

/** Declares the network of an encoder, with or without gradients. */
export function buildEncoder(
  { config, stem }: Pick<EvaluatedEncoder, "config" | "stem">,
  { gradients }: { gradients: boolean },
): BuiltEncoder {
  const network = createNetwork("encoder", { gradients });
  return { network, layer: backbone(new Scope(network), { config, stem }), dims: featuresOf(config) };
}

/** The shapes of an encoder's tensors under torchvision's names. */
export function shapesOf(encoder: Pick<EvaluatedEncoder, "config" | "stem">): Map<string, number[]> {
  const { network: { parameters, statistics } } = buildEncoder(encoder, { gradients: false });
  return new Map([parameters, statistics].flatMap((flat) => [...torchShapes(flat, { prefix: "" })]));
}

/**
 * Initial content of a network's stores: the encoder's weights, or with a seed those a run starts from. What the encoder
 * lacks, such as a classifier on top of it, starts at 0.
 */
export function contentOf(
  { network: { parameters, statistics } }: BuiltEncoder,
  from: Pick<EvaluatedEncoder, "tensors"> | { seed: number },
) {
  return [parameters, statistics].map((flat) => ({
    store: flat.store,
    // The backbone comes first in the online network, and draws are keyed by index: so these are the run's own.
    values: "seed" in from
      ? drawWeights(flat, from)
      : packWeights(flat, (name, i) =>
        from.tensors.get(name)?.data ?? new Float32Array(sizeOf(flat.variables[i].layout.torchShape))),
  }));
}

/** The recipe of evaluation: resize and crop the center, no random operation. */
export function plainRecipe({ size, mean, std }: Pick<EvaluatedEncoder, "size" | "mean" | "std">): Recipe {
  return { name: "plain", views: [{}, {}], size, mean, std };
}
