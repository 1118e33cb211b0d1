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
 * @example The stages of the data pipeline, put together by hand
 * ```ts
 * import { collate, group, openSource, Pool, prepare, readSamples, recipes } from "./mod.ts";
 *
 * const source = await openSource("shapes:64"), recipe = recipes.shapes;
 * const setup = { recipe, size: 32, seed: 7, decodeSize: 64, augment: "cpu", keepPixels: false } as const;
 * const pool = new Pool(setup, { workers: 1 });
 * const batches = readSamples(source, { seed: 7, first: 0, limit: 64 })
 *   .pipeThrough(group({ count: 8, weight: 2 ** 18, weigh: ({ bytes }) => bytes.length }))
 *   .pipeThrough(prepare(pool, { concurrency: 2 }))
 *   .pipeThrough(collate({ batch: 16, limit: 64, partial: "drop", onBad: console.warn }));
 * for await (const { images, samples, release } of batches) {
 *   console.log(samples[0].key, images[0].views.length); // both views, [2, 32, 32, 4]
 *   release();
 *   break;
 * }
 * pool.close();
 * ```
 *
 * @module
 */
export { pretrain } from "./src/run/pretrain.ts";
export type { PretrainHooks, PretrainResult as Outcome } from "./src/run/types.ts";
export type { KnnFigures, Summary } from "./src/run/summary.ts";
export { evaluate } from "./src/eval/protocol.ts";
export type {
  DrawEvaluation,
  EvaluatedFeatures,
  EvaluateOptions,
  EvaluationReport,
  EvaluationRow,
  EvaluationSettings,
  LabeledData,
  LinearScores,
  RowName,
} from "./src/eval/types.ts";
export type { LabeledFeatures } from "./src/eval/features.ts";
export { formatEvaluation } from "./src/eval/format_evaluation.ts";
export { planOf, type RunPlan, type StepPlan } from "./src/inspect/plan.ts";
export { formatPlan } from "./src/inspect/format_plan.ts";
export { profileOf, type RunProfile } from "./src/inspect/profile.ts";
export { formatProfile } from "./src/inspect/format_profile.ts";
export type { Peaks } from "./src/inspect/peaks.ts";
export type { KernelTime } from "./src/inspect/timing.ts";
export {
  type AdapterFacts,
  type Answers,
  type Decoding,
  type Diagnosis,
  doctor,
  type DoctorOptions,
  type Expectation,
  type Finding,
  type Pin,
  type Product,
  type Proof,
  type Rates,
} from "./src/inspect/doctor.ts";
export type { Collapse } from "./src/run/collapse.ts";
export { loadPreset } from "./src/config/load_preset.ts";
export type { StepRecord } from "./src/run/records.ts";
export type { PretrainOptions as GivenTrainFlags } from "./src/config/train_flags.ts";
export { CollapseError, MachineError, UserError } from "./src/base/errors.ts";
export { readSafetensors, writeSafetensors } from "./src/io/safetensors.ts";
export { loadRecipe } from "./src/config/load_recipe.ts";
export { type PreviewOptions, previewSheet } from "./src/plots/view_sheet.ts";
export * from "./data/mod.ts";
