/**
 * What the weights that a run starts from decide: its backbone, and how images are normalized.
 *
 * @module
 */
import { join } from "node:path";
import { withoutSecrets } from "../../data/sources/patterns.ts";
import { isRecipeName, type Recipe } from "../../data/views/recipe.ts";
import { optionsWithRecipe } from "../config/load_recipe.ts";
import type { PretrainOptions } from "../config/pretrain_options.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";
import { parseBackboneText } from "../config/backbone.ts";
import { absoluteWeights } from "../config/source_paths.ts";
import type { EvaluatedEncoder } from "../eval/evaluated_encoder.ts";
import type { FetchOptions } from "../eval/fetch_weights.ts";
import { INITIAL_WEIGHTS, openInitialEncoder } from "../eval/initial_encoder.ts";
import { writeSafetensors } from "../io/safetensors.ts";
import type { FlatStore } from "../nn/parameters.ts";
import type { TorchTensor } from "../nn/weights.ts";
import { encoderMetadata } from "./encoder_metadata.ts";

/** The weights that `options` name; null if they are drawn. */
export async function initialOf(
  { init, backbone, stem, size }: Pick<ResolvedOptions, "init" | "backbone" | "stem" | "size">,
  fetching: FetchOptions,
): Promise<EvaluatedEncoder | null> {
  return init === null ? null : await openInitialEncoder(init, { backbone, stem, size, ...fetching });
}

/** Where weights are from, as a run records it: without what may be secret in an address. */
export const recordedInit = (init: string): string => withoutSecrets(absoluteWeights(init));

/**
 * Every option of a run, its recipe, and the weights to start from. Their backbone and stem are the defaults, and images are
 * normalized as they were for them, unless the recipe is the user's own.
 *
 * @throws {UserError} on options that cannot be used, alone or together, and on weights of another network.
 */
export async function optionsWithWeights(
  given: PretrainOptions,
): Promise<{ options: ResolvedOptions; recipe: Recipe; hasOut: boolean; initial: EvaluatedEncoder | null }> {
  const resolved = await optionsWithRecipe(given), { init } = resolved.options;
  if (init === null) return { ...resolved, initial: null };
  const isChosen = given.preset !== undefined; // a preset may have chosen both
  const { backbone, stem, size } = isChosen ? resolved.options : { ...given, size: resolved.options.size };
  const { log = console.log, onDownload, signal } = given;
  const initial = await openInitialEncoder(init, { backbone, stem, size, log, onDownload, signal });
  const own = { backbone: parseBackboneText(initial.backbone), stem: initial.stem, init: recordedInit(init) };
  const { options, recipe, hasOut } = await optionsWithRecipe({ ...given, ...own });
  const isBuiltIn = typeof options.recipe === "string" && isRecipeName(options.recipe);
  const { mean, std } = isBuiltIn ? initial : recipe;
  return { options, recipe: { ...recipe, mean, std }, hasOut, initial };
}

/** The initial values of the online network: the backbone's, and those of heads that fit. */
export function initialValues(
  { tensors, heads }: Pick<EvaluatedEncoder, "tensors" | "heads">,
  { parameters, statistics }: { parameters: FlatStore; statistics: FlatStore },
): Map<string, TorchTensor> {
  const values = new Map([...tensors].map(([name, tensor]) => [`backbone.${name}`, tensor]));
  const variables = [...parameters.variables, ...statistics.variables];
  for (const head of ["projector.", "predictor."]) {
    const own = variables.filter(({ name }) => name.startsWith(head));
    const fits = own.every(({ name, layout }) => `${heads?.get(name)?.shape}` === `${layout.torchShape}`);
    if (fits) own.forEach(({ name }) => values.set(name, heads!.get(name)!));
  }
  return values;
}

/** Keeps the weights that a run starts from in its folder: evaluations compare with them. */
export async function writeInitialWeights(
  { options, recipe }: { options: ResolvedOptions; recipe: Recipe },
  { tensors }: EvaluatedEncoder,
): Promise<void> {
  const metadata = encoderMetadata(options, recipe);
  await writeSafetensors(join(options.out, INITIAL_WEIGHTS), { tensors, metadata });
}
