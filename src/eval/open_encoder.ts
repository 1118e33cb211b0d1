/**
 * The encoder to evaluate: a run's, or one from a file.
 *
 * @module
 */
import { join } from "node:path";
import { parseRecipe } from "../../data/views/parse_recipe.ts";
import type { Recipe } from "../../data/views/recipe.ts";
import {
  type Backbone,
  backboneConfigOf,
  backboneText,
  expectSize,
  parseBackboneText,
} from "../config/backbone.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";
import { UserError } from "../base/errors.ts";
import { exists, readFailure } from "../base/files.ts";
import { latestCheckpoint, loadCheckpoint } from "../io/checkpoint.ts";
import { readWeights } from "../io/weights_file.ts";
import { runRecipe } from "../config/load_recipe.ts";
import { isAddress, shortSource } from "../config/source_paths.ts";
import type { TorchTensor } from "../nn/weights.ts";
import { findEncoder } from "./encoder_tensors.ts";
import { type EvaluatedEncoder, shapesOf } from "./evaluated_encoder.ts";
import { type FetchOptions, fetchWeights } from "./fetch_weights.ts";
import { imagesOf, type Metadata } from "./encoder_images.ts";
import { likenessAdvice, looksLike, nearestTo } from "./looks_like.ts";
import { expectSameBackbone, timmConfigBeside } from "./timm_config.ts";
import { expectWeightsFile } from "./weights_kind.ts";
import type { EncoderOptions } from "./types.ts";

/** A run, as read from its folder. */
export interface EvaluatedRun {
  out: string;
  options: ResolvedOptions;
  /** Of the images that it trained on; null if config.json does not tell. */
  fingerprint: string | null;
}

/** Reads config.json of the run in `out`, which `option` names. */
export async function openRun(out: string, option = "--run"): Promise<EvaluatedRun> {
  const path = join(out, "config.json");
  try {
    const options = JSON.parse(await Deno.readTextFile(path));
    if (options?.backbone === undefined) throw new TypeError("it has no backbone");
    const { data, fingerprint = null } = options;
    // Runs that do not say how they were divided were so in source order.
    const divided = { order: "source", split: null, label: null };
    return { out, options: { ...divided, ...options, data: data && shortSource(data) }, fingerprint };
  } catch (error) {
    throw new UserError(
      `Cannot use the run in "${out}": its config.json cannot be used: ${
        readFailure(error)
      }. Check ${option}.`,
    );
  }
}

/**
 * The encoder of `run`, or the one at `given.encoder`, a file or an address. Options win over what run and file say; how
 * images are prepared for weights that say nothing of it is logged.
 */
export async function openEncoder(
  given: EncoderOptions & FetchOptions,
  run: EvaluatedRun | null,
): Promise<EvaluatedEncoder> {
  // Even with an encoder from elsewhere the images are the run's, which need not have one yet.
  const ofRun = run && await fromRun(run).catch((error) => {
    if (given.encoder === undefined) throw error;
    return null;
  });
  const { path, name, tensors: found, metadata } = given.encoder === undefined
    ? ofRun!
    : await fromFile(given.encoder, given);
  // What the file says counts more than what its tensors look like.
  const isForeign = metadata.backbone === undefined, timm = isForeign ? await timmConfigBeside(path) : null;
  // The nearest one does not fit, which is told tensor by tensor.
  const likeness = isForeign ? looksLike(found) ?? nearestTo(found) : null;
  const backbone = given.backbone ?? likeness?.backbone ??
    expectBackbone(name, { found, name: metadata.backbone });
  if (timm) expectSameBackbone(name, { config: timm, backbone });
  const { images, notes } = imagesOf(name, { given, metadata, timm, guessed: likeness?.stem ?? null });
  const { stem, size } = images;
  expectSize(backbone, { stem, size });
  const config = backboneConfigOf(backbone), expected = shapesOf({ config, stem });
  const { tensors, prefix, others } = findEncoder(name, { found, expected });
  notes.forEach((note) => given.log?.(note));
  const above = prefix.replace(/backbone\.$/, "");
  return {
    path,
    name,
    backbone: backboneText(backbone),
    config,
    ...images,
    fingerprint: run?.fingerprint ?? ofRun?.metadata.fingerprint ?? null,
    tensors,
    prefix,
    others,
    heads: prefix === above ? new Map() : headsIn(found, above),
    metadata,
  };
}

/** The backbone that the file names. */
function expectBackbone(
  path: string,
  { found, name }: { found: ReadonlyMap<string, TorchTensor>; name: string | undefined },
): Backbone {
  const backbone = parseBackboneText(name ?? "");
  if (backbone !== undefined) return backbone;
  const fact = name === undefined ? "the file names no backbone" : `its backbone is "${name}"`;
  throw new UserError(`Cannot use the encoder "${path}": ${fact}. ${likenessAdvice(found)}`);
}

type Found = { path: string; name: string; tensors: ReadonlyMap<string, TorchTensor>; metadata: Metadata };

async function fromRun({ out, options }: EvaluatedRun): Promise<Found> {
  const path = join(out, "encoder.safetensors");
  if (await exists(path)) return await fromFile(path, {});
  // The run has not finished: its last checkpoint has the encoder, its other files the rest.
  const last = await latestCheckpoint(out);
  if (!last) {
    throw new UserError(
      `Cannot use the run in "${out}": it has neither encoder.safetensors nor a checkpoint. Let it train for longer.`,
    );
  }
  const recipe = await runRecipe(out, {
    began: options.recipe,
    given: undefined,
    stretch: options.stretch,
  });
  return {
    path: last,
    name: last,
    tensors: (await loadCheckpoint(last)).tensors,
    metadata: metadataOf(options, recipe),
  };
}

async function fromFile(given: string, options: FetchOptions): Promise<Found> {
  const isFetched = isAddress(given);
  const { path, name } = isFetched ? await fetchWeights(given, options) : { path: given, name: given };
  try {
    await expectWeightsFile(path, name);
    const { tensors, metadata } = await readWeights(path, name);
    return { path, name, tensors, metadata: checkpointMetadata(metadata) ?? metadata };
  } catch (error) {
    // A damaged download would be taken from the cache again.
    if (isFetched) await Deno.remove(path).catch(() => {});
    throw error;
  }
}

/** The metadata for the encoder in a checkpoint, from those of the checkpoint; null if the file is none. */
function checkpointMetadata({ config, recipe }: Metadata): Metadata | null {
  try {
    return metadataOf(JSON.parse(config!), parseRecipe(JSON.parse(recipe!), "recipe"));
  } catch {
    return null;
  }
}

/** What the metadata of an encoder's file say. */
function metadataOf(
  { backbone, stem, size }: Pick<ResolvedOptions, "backbone" | "stem" | "size">,
  { mean, std, stretch }: Recipe,
): Metadata {
  return {
    backbone: backboneText(backbone),
    stem,
    size: `${size}`,
    mean: JSON.stringify(mean),
    std: JSON.stringify(std),
    stretch,
  };
}

/** The projector and the predictor beside the backbone, of files of this project. */
function headsIn(found: ReadonlyMap<string, TorchTensor>, above: string): Map<string, TorchTensor> {
  return new Map([...found].flatMap(([name, tensor]) => {
    const inner = name.startsWith(above) ? name.slice(above.length) : "";
    return /^(projector|predictor)\./.test(inner) ? [[inner, tensor] as const] : [];
  }));
}
