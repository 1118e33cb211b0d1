/**
 * The encoder that is to be evaluated: that of a run, or one from a file.
 *
 * @module
 */
import { join } from "node:path";
import { imagenet, type Recipe, type Rgb, viewSizes } from "../../data/views/recipe.ts";
import { backboneOf } from "../byol/trainer.ts";
import { backboneText, parseBackboneText, resnetConfigOf } from "../config/backbone.ts";
import type { EvaluateOptions } from "../config/evaluate_flags.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";
import { largestSmallSize } from "../config/default_values.ts";
import { messageOf, UserError } from "../base/errors.ts";
import { latestCheckpoint, loadCheckpoint } from "../io/checkpoint.ts";
import { expectTensors } from "../io/expect_tensors.ts";
import { readSafetensors } from "../io/safetensors.ts";
import { runRecipe } from "../config/load_recipe.ts";
import { backbones, type ResNetConfig, type Stem } from "../nn/backbones.ts";
import type { Layer } from "../nn/layers.ts";
import { createNetwork, type Network, Scope } from "../nn/parameters.ts";
import { featuresOf, resnet } from "../nn/resnet.ts";
import { sizeOf } from "../graph/tensor.ts";
import { drawWeights, packWeights, torchShapes, type TorchTensor } from "../nn/weights.ts";

/** A network with its weights, and how images are prepared for it. */
export interface EvaluatedEncoder {
  /** The file that it is from. */
  path: string;
  backbone: string;
  config: ResNetConfig;
  stem: Stem;
  /** Pixels of its images' side. */
  size: number;
  /** Larger images are shrunk to this short side when they are decoded. */
  decodeSize: number;
  mean: Rgb;
  std: Rgb;
  /** Of the images of the run that is evaluated with; null if there is none, or if it does not tell. */
  fingerprint: string | null;
  tensors: ReadonlyMap<string, TorchTensor>;
}

/** A run of train.ts as its folder has it. */
export interface EvaluatedRun {
  out: string;
  options: ResolvedOptions;
}

/** What config.json of the run in `out` says. */
export async function openRun(out: string): Promise<EvaluatedRun> {
  const path = join(out, "config.json");
  try {
    const options = JSON.parse(await Deno.readTextFile(path));
    if (options?.backbone === undefined) {
      throw new TypeError("an object with the options of a run is expected");
    }
    return { out, options };
  } catch (error) {
    throw new UserError(
      `Cannot evaluate the run in ${out} as its config.json must tell what it is: ${
        messageOf(error)
      }. Check --run.`,
    );
  }
}

/** The encoder of `run`, or that of the file `--encoder`; options win over what run and file say. */
export async function openEncoder(
  given: EvaluateOptions,
  run: EvaluatedRun | null,
): Promise<EvaluatedEncoder> {
  // Whoever the encoder is, the images are the run's; one that has no encoder yet does not tell which they were.
  const ofRun = run && await fromRun(run).catch((error) => {
    if (given.encoder === undefined) throw error;
    return null;
  });
  const { path, tensors, metadata } = given.encoder === undefined ? ofRun! : await fromFile(given.encoder);
  const backbone = given.backbone ?? parseBackboneText(metadata.backbone ?? "");
  if (backbone === undefined) {
    const found = metadata.backbone === undefined
      ? "the file names none"
      : `the file names ${metadata.backbone}`;
    throw new UserError(
      `Cannot evaluate ${path} as its backbone must be one of ${
        Object.keys(backbones).join(", ")
      }: ${found}. ` +
        `Give --backbone.`,
    );
  }
  const size = given.size ?? sizeIn(metadata) ?? imagenet.size;
  const stem = given.stem ?? stemIn(metadata) ?? (size > largestSmallSize ? "imagenet" : "cifar");
  const encoder = {
    path,
    backbone: backboneText(backbone),
    config: resnetConfigOf(backbone),
    stem,
    size,
    // As in the evaluations of the run itself, for images that are shrunk in two steps differ a little; but no smaller
    // than the views of an encoder of elsewhere.
    decodeSize: run && given.size === undefined ? Math.max(size, run.options.decodeSize) : size,
    mean: (given.mean ?? rgbIn(metadata.mean) ?? imagenet.mean) as Rgb,
    std: (given.std ?? rgbIn(metadata.std) ?? imagenet.std) as Rgb,
    fingerprint: ofRun?.metadata.fingerprint ?? null,
    tensors,
  };
  expectTensors(path, { found: tensors, expected: shapesOf(encoder) });
  return encoder;
}

type Metadata = Readonly<Record<string, string | undefined>>;
type Found = { path: string; tensors: ReadonlyMap<string, TorchTensor>; metadata: Metadata };

async function fromRun({ out, options }: EvaluatedRun): Promise<Found> {
  const path = join(out, "encoder.safetensors");
  if (await Deno.stat(path).then(() => true, () => false)) return await fromFile(path);
  // The run is not done: then its last checkpoint has the encoder, and the run's files what else is to know.
  const last = await latestCheckpoint(out);
  if (!last) {
    throw new UserError(
      `Cannot evaluate the run in ${out} as it must have encoder.safetensors or a checkpoint: it has neither. ` +
        `Let it train for longer.`,
    );
  }
  const { mean, std } = await runRecipe(out, { began: options.recipe, given: undefined });
  const { backbone, stem, size } = options;
  const { tensors, metadata: { fingerprint } } = await loadCheckpoint(last);
  return {
    path: last,
    tensors: backboneOf(tensors),
    metadata: {
      backbone: backboneText(backbone),
      stem,
      size: `${size}`,
      mean: JSON.stringify(mean),
      std: JSON.stringify(std),
      ...(typeof fingerprint === "string" && { fingerprint }),
    },
  };
}

async function fromFile(path: string): Promise<Found> {
  const { tensors, metadata } = await readSafetensors(path);
  // torchvision's own classifier, which is not part of the encoder.
  for (const name of ["fc.weight", "fc.bias"]) tensors.delete(name);
  return { path, tensors, metadata };
}

function sizeIn({ size }: Metadata): number | undefined {
  const value = Number(size);
  return Number.isInteger(value) && value >= viewSizes.min && value <= viewSizes.max ? value : undefined;
}

function stemIn({ stem }: Metadata): Stem | undefined {
  return stem === "cifar" || stem === "imagenet" ? stem : undefined;
}

function rgbIn(text: string | undefined): number[] | undefined {
  try {
    const value = JSON.parse(text ?? "null");
    return Array.isArray(value) && value.length === 3 && value.every(Number.isFinite) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A backbone with a place for its parameters. */
export interface BuiltEncoder {
  network: Network;
  layer: Layer;
  dims: number;
}

/** Declares the network of an encoder, with gradients or without. */
export function buildEncoder(
  { config, stem }: Pick<EvaluatedEncoder, "config" | "stem">,
  { gradients }: { gradients: boolean },
): BuiltEncoder {
  const network = createNetwork("encoder", { gradients });
  return { network, layer: resnet(new Scope(network), { config, stem }), dims: featuresOf(config) };
}

function shapesOf(encoder: Pick<EvaluatedEncoder, "config" | "stem">): Map<string, number[]> {
  const { network: { parameters, statistics } } = buildEncoder(encoder, { gradients: false });
  return new Map([parameters, statistics].flatMap((flat) => [...torchShapes(flat, { prefix: "" })]));
}

/**
 * What a network begins with: the weights of `encoder`, or with a seed those that a run would begin with. What the encoder
 * has not, a classifier on top of it, begins with 0.
 */
export function contentOf(
  { network: { parameters, statistics } }: BuiltEncoder,
  from: Pick<EvaluatedEncoder, "tensors"> | { seed: number },
) {
  return [parameters, statistics].map((flat) => ({
    store: flat.store,
    // The backbone comes first in the online network, and draws are keyed by place: so these are the run's own.
    values: "seed" in from
      ? drawWeights(flat, from)
      : packWeights(flat, (name, i) =>
        from.tensors.get(name)?.data ?? new Float32Array(sizeOf(flat.variables[i].layout.torchShape))),
  }));
}

/** How images are prepared: nothing is drawn. */
export function plainRecipe({ size, mean, std }: Pick<EvaluatedEncoder, "size" | "mean" | "std">): Recipe {
  return { name: "plain", views: [{}, {}], size, mean, std };
}
