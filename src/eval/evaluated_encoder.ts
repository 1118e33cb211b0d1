/**
 * An encoder that is evaluated, and its network.
 *
 * @module
 */
import type { Recipe, Rgb, Stretch } from "../../data/views/recipe.ts";
import type { Memory } from "../gpu/memory.ts";
import { sizeOf } from "../graph/tensor.ts";
import { backbone, featuresOf } from "../nn/backbone.ts";
import type { BackboneConfig, Stem } from "../nn/backbones.ts";
import { writeHalves } from "../nn/halves.ts";
import type { Layer } from "../nn/layers.ts";
import { createNetwork, type Network, type Precision, Scope } from "../nn/parameters.ts";
import { drawWeights, packWeights, torchShapes, type TorchTensor } from "../nn/weights.ts";

/** An encoder with its weights, and how images are prepared for it. */
export interface EvaluatedEncoder {
  /** The file it was read from. */
  path: string;
  /** Where it is from, for messages: the path, or an address. */
  name: string;
  backbone: string;
  config: BackboneConfig;
  stem: Stem;
  /** Side of its images in pixels. */
  size: number;
  mean: Rgb;
  std: Rgb;
  /** How the contrast of its images is stretched. */
  stretch: Stretch | "none";
  /** Fingerprint of the run's images; null without a run, or if it has none. */
  fingerprint: string | null;
  tensors: ReadonlyMap<string, TorchTensor>;
  /** What precedes torchvision's names in the file. */
  prefix: string;
  /** Other tensors of the file, which are not used. */
  others: number;
  /** The projector and the predictor beside it, where a checkpoint of this project has them. */
  heads?: ReadonlyMap<string, TorchTensor>;
  /** What the file says of the encoder, as texts. */
  metadata: Readonly<Record<string, string | undefined>>;
}

/** What the metadata of a file say of an encoder, in it or used for it: the network, and how images are prepared. */
export function encoderFacts(
  { backbone, stem, size, mean, std, stretch }:
    & Pick<EvaluatedEncoder, "backbone" | "stem" | "size" | "mean" | "std">
    & { stretch?: EvaluatedEncoder["stretch"] },
): Record<string, string> {
  return {
    backbone,
    stem,
    size: `${size}`,
    mean: JSON.stringify(mean),
    std: JSON.stringify(std),
    ...stretch !== undefined && stretch !== "none" && { stretch },
  };
}

/** What of the encoder's file is used. */
export function encoderText({ name, prefix, others }: EvaluatedEncoder): string {
  if (others === 0) return name;
  return `${name} (${prefix ? `its ${prefix}*` : "the encoder"}, without ${others} other tensors)`;
}

/** A backbone with stores for its parameters. */
export interface BuiltEncoder {
  network: Network;
  layer: Layer;
  dims: number;
}

/** Declares the network of an encoder, with or without gradients, that computes in float32 by default. */
export function buildEncoder(
  { config, stem }: Pick<EvaluatedEncoder, "config" | "stem">,
  { gradients, precision }: { gradients: boolean; precision?: Precision },
): BuiltEncoder {
  const network = createNetwork("encoder", { gradients, halves: precision === "mixed" });
  return { network, layer: backbone(new Scope(network), { config, stem }), dims: featuresOf(config) };
}

/** The shapes of an encoder's tensors under torchvision's names. */
export function shapesOf(encoder: Pick<EvaluatedEncoder, "config" | "stem">): Map<string, number[]> {
  const { network: { parameters, statistics } } = buildEncoder(encoder, { gradients: false });
  return new Map([parameters, statistics].flatMap((flat) => [...torchShapes(flat, { prefix: "" })]));
}

/** Where the weights of an encoder come from: a file, or the draw of a seed, those that a run starts from. */
export type WeightSource = Pick<EvaluatedEncoder, "tensors"> | { seed: number };

/**
 * Writes an encoder's weights to `memory`, also as float16 if it computes in that. What they lack, such as a classifier on top,
 * starts at 0.
 */
export function writeEncoder(memory: Memory, { network }: BuiltEncoder, from: WeightSource): void {
  for (const flat of [network.parameters, network.statistics]) {
    // The backbone comes first in the online network, and draws are keyed by index: so these are the run's own.
    const values = "seed" in from
      ? drawWeights(flat, from)
      : packWeights(flat, (name, i) =>
        from.tensors.get(name)?.data ?? new Float32Array(sizeOf(flat.variables[i].layout.torchShape)));
    memory.write(flat.store, values);
  }
  writeHalves(memory, network);
}

/** The recipe of evaluation: resize and crop the center, no random operation. */
export function plainRecipe(encoder: PreparedImages): Recipe {
  return recipeFor(encoder, { name: "plain", views: [{}, {}] });
}

/** What an encoder expects of its images. */
type PreparedImages = Pick<EvaluatedEncoder, "size" | "mean" | "std" | "stretch">;

/** A recipe of `views` for images that are prepared as the encoder expects them. */
export function recipeFor(
  { size, mean, std, stretch }: PreparedImages,
  views: Pick<Recipe, "name" | "views">,
): Recipe {
  return { ...views, size, mean, std, ...stretch !== "none" && { stretch } };
}
