/**
 * The encoder to evaluate: a run's, or one from a file.
 *
 * @module
 */
import { join } from "node:path";
import { imagenet, type Rgb, viewSizes } from "../../data/views/recipe.ts";
import { backboneOf } from "../byol/trainer.ts";
import {
  type Backbone,
  backboneConfigOf,
  backboneText,
  expectSize,
  parseBackboneText,
} from "../config/backbone.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";
import { largestSmallSize } from "../config/default_values.ts";
import { messageOf, UserError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import { latestCheckpoint, loadCheckpoint } from "../io/checkpoint.ts";
import { expectTensors } from "../io/expect_tensors.ts";
import { readSafetensors } from "../io/safetensors.ts";
import { runRecipe } from "../config/load_recipe.ts";
import { backbones, type Stem } from "../nn/backbones.ts";
import type { TorchTensor } from "../nn/weights.ts";
import { type EvaluatedEncoder, shapesOf } from "./evaluated_encoder.ts";
import type { EvaluateOptions } from "./types.ts";

/** A run, as read from its folder. */
export interface EvaluatedRun {
  out: string;
  options: ResolvedOptions;
}

/** Reads config.json of the run in `out`. */
export async function openRun(out: string): Promise<EvaluatedRun> {
  const path = join(out, "config.json");
  try {
    const options = JSON.parse(await Deno.readTextFile(path));
    if (options?.backbone === undefined) throw new TypeError("it has no backbone");
    return { out, options };
  } catch (error) {
    throw new UserError(
      `Cannot evaluate the run in "${out}": its config.json cannot be used: ${
        messageOf(error)
      }. Check --run.`,
    );
  }
}

/** The encoder of `run`, or the file `given.encoder`. Options win over what run and file say. */
export async function openEncoder(
  given: EvaluateOptions,
  run: EvaluatedRun | null,
): Promise<EvaluatedEncoder> {
  // Even with an encoder from elsewhere the images are the run's. A run without an encoder yet has no fingerprint.
  const ofRun = run && await fromRun(run).catch((error) => {
    if (given.encoder === undefined) throw error;
    return null;
  });
  const { path, tensors, metadata } = given.encoder === undefined ? ofRun! : await fromFile(given.encoder);
  const backbone = expectBackbone(path, { given: given.backbone, found: metadata.backbone });
  const size = given.size ?? sizeIn(metadata) ?? imagenet.size;
  const stem = given.stem ?? stemIn(metadata) ?? (size > largestSmallSize ? "imagenet" : "cifar");
  expectSize(backbone, { stem, size });
  const encoder = {
    path,
    backbone: backboneText(backbone),
    config: backboneConfigOf(backbone),
    stem,
    size,
    mean: (given.mean ?? rgbIn(metadata.mean) ?? imagenet.mean) as Rgb,
    std: (given.std ?? rgbIn(metadata.std) ?? imagenet.std) as Rgb,
    fingerprint: ofRun?.metadata.fingerprint ?? null,
    tensors,
  };
  expectTensors(path, { found: tensors, expected: shapesOf(encoder) });
  return encoder;
}

function expectBackbone(
  path: string,
  { given, found }: { given: Backbone | undefined; found: string | undefined },
): Backbone {
  const backbone = given ?? parseBackboneText(found ?? "");
  if (backbone !== undefined) return backbone;
  const fact = found === undefined ? "the file names no backbone" : `its backbone is "${found}"`;
  throw new UserError(
    `Cannot evaluate "${path}": ${fact}, expected one of ${
      Object.keys(backbones).join(", ")
    }. Give --backbone.`,
  );
}

type Metadata = Readonly<Record<string, string | undefined>>;
type Found = { path: string; tensors: ReadonlyMap<string, TorchTensor>; metadata: Metadata };

async function fromRun({ out, options }: EvaluatedRun): Promise<Found> {
  const path = join(out, "encoder.safetensors");
  if (await exists(path)) return await fromFile(path);
  // The run has not finished: its last checkpoint has the encoder, its other files the rest.
  const last = await latestCheckpoint(out);
  if (!last) {
    throw new UserError(
      `Cannot evaluate the run in "${out}": it has neither encoder.safetensors nor a checkpoint. Let it train for longer.`,
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
  // torchvision's classifier is no part of the encoder.
  for (const name of ["fc.weight", "fc.bias", "classifier.2.weight", "classifier.2.bias"]) {
    tensors.delete(name);
  }
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
