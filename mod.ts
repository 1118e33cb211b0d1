/**
 * Self-supervised pre-training of image encoders by BYOL (Grill et al. 2020) on WebGPU.
 *
 * @example Pre-train on a folder of images
 * ```ts
 * import { pretrain } from "./mod.ts";
 *
 * const out = await Deno.makeTempDir();
 * const { summary } = await pretrain(
 *   { data: "shapes:64", holdout: 16, backbone: "resnet8", hidden: 64, projection: 32, batch: 16, steps: 2, out },
 *   { print: () => {} },
 * );
 * console.log(summary?.knn?.trained);
 * ```
 *
 * @module
 */
export { type KnnFigures, type Outcome, pretrain, type PretrainHooks, type Summary } from "./src/pretrain.ts";
export { evaluate, type EvaluateHooks, type EvaluationReport, type EvaluationRow } from "./src/evaluate.ts";
export type { GivenEvaluateFlags } from "./src/cli/evaluate_flags.ts";
export { planOf, profileOf } from "./src/inspect.ts";
export type { Collapse } from "./src/health.ts";
export { loadPreset } from "./src/load_preset.ts";
export type { StepRecord } from "./src/recorder.ts";
export type { GivenTrainFlags } from "./src/cli/train_flags.ts";
export { CollapseError, MachineError, UserError } from "./src/errors.ts";
export { readSafetensors, writeSafetensors } from "./src/io/safetensors.ts";
export { type Recipe, recipes, type ViewRecipe } from "./src/augment/recipe.ts";
export { loadRecipe } from "./src/load_recipe.ts";
export { type PreviewOptions, previewSheet } from "./src/preview.ts";
export { type Batch, type EvaluationBatch, evaluationBatches, trainingBatches } from "./data/pipeline.ts";
export { type EncodedImage, type ImageSource, openSource } from "./data/source.ts";
