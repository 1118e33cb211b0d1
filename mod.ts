/**
 * Self-supervised pre-training of image encoders by BYOL (Grill et al. 2020) on WebGPU.
 *
 * {@linkcode pretrain} trains, {@linkcode resume} continues a run, {@linkcode evaluate} scores an encoder, {@linkcode embed} and
 * {@linkcode loadEncoder} use it, {@linkcode exportEncoder} writes it for other programs. A program may bring its own images,
 * view recipe and backbone, and hears of the run by callbacks. docs/library.md shows each.
 *
 * @example Train on a folder of images (here on built-in ones), stop early, go on, and score the encoder
 * ```ts
 * import { evaluate, pretrain, resume } from "./mod.ts";
 *
 * const out = await Deno.makeTempDir(), stop = new AbortController(), log = () => {};
 * const { step } = await pretrain({
 *   data: "shapes:64", // or "./photos"
 *   holdout: 16,
 *   batch: 16,
 *   steps: 4,
 *   logEvery: 1,
 *   out,
 *   log,
 *   onStep: ({ loss }) => loss < 8 && stop.abort(),
 *   signal: stop.signal,
 * });
 * const { summary } = await resume(out, { log });
 * const { rows } = await evaluate({ run: out, k: 5, probeEpochs: 2, log });
 * console.log(step, summary?.knn?.trained, rows.at(-1)?.linear?.top1);
 * ```
 *
 * @example Embed images by an encoder, one by one and in files
 * ```ts
 * import { embed, embedToFiles, findSimilar, loadEncoder, pretrain } from "./mod.ts";
 *
 * const out = await Deno.makeTempDir(), log = () => {};
 * await pretrain({ data: "shapes:32", holdout: 0, batch: 16, steps: 2, out, log });
 * for await (const { key, vector } of embed({ run: out, log })) console.log(key, vector.length);
 * await embedToFiles({ run: out, out: `${out}/shapes.parquet`, log });
 * const [{ neighbors }] = await findSimilar({ embeddings: `${out}/shapes.parquet`, query: "shapes/0", log });
 * using encoder = await loadEncoder(`${out}/encoder.safetensors`, { log });
 * const [vector] = await encoder.embed([{ width: 32, height: 32, data: new Uint8Array(32 * 32 * 4) }]);
 * console.log(neighbors[0].key, vector.length);
 * ```
 *
 * @module
 */
export { pretrain } from "./src/run/pretrain.ts";
export { resume } from "./src/run/resume.ts";
export type {
  KernelSelection,
  Method,
  PretrainOptions,
  ResumeOptions,
  TargetKind,
} from "./src/config/pretrain_options.ts";
export type { EvaluationRecord, PretrainCallbacks, StepRecord, Verdict } from "./src/config/callbacks.ts";
export type { Backbone } from "./src/config/backbone.ts";
export type { BackboneConfig, BackboneName, ConvNeXtConfig, ResNetConfig, Stem } from "./src/nn/backbones.ts";
export type { Progress, ProgressOptions, StepFigures } from "./src/base/progress.ts";
export type { PretrainResult } from "./src/run/result.ts";
export type { KnnFigures, Summary } from "./src/run/summary.ts";
export type { DataReport, PartReport } from "./src/eval/data_report.ts";
export type { KnnBefore } from "./src/run/records.ts";
export type { Collapse } from "./src/run/collapse.ts";
export { CollapseError, MachineError, type MachineProblem, UserError } from "./src/base/errors.ts";

export { loadPreset } from "./src/config/load_preset.ts";
export { loadRecipe } from "./src/config/load_recipe.ts";

export { evaluate } from "./src/eval/protocol.ts";
export { formatEvaluation } from "./src/eval/format_evaluation.ts";
export type {
  Confusion,
  DrawEvaluation,
  EncoderOptions,
  EvaluatedFeatures,
  EvaluateOptions,
  EvaluationReport,
  EvaluationRow,
  EvaluationSettings,
  LabeledData,
  LinearScores,
  RowName,
} from "./src/eval/types.ts";
export type { RateScore } from "./src/eval/rate_sweep.ts";
export type { LabeledFeatures } from "./src/eval/features.ts";

export { exportEncoder } from "./src/export/export_encoder.ts";
export { formatExport } from "./src/export/format_export.ts";
export type { ExportFormat } from "./src/config/export_flags.ts";
export type { ExportAgreement, ExportOptions, ExportReport } from "./src/export/types.ts";
export { embed } from "./src/export/embed.ts";
export { type EmbeddedFiles, embedToFiles, type EmbedToFilesOptions } from "./src/export/embed_to_files.ts";
export type { Embedding, EmbedOptions, EncoderChoice } from "./src/export/embed_options.ts";
export { type EmbeddableImage, type LoadedEncoder, loadEncoder } from "./src/export/load_encoder.ts";
export { openEmbeddings } from "./src/export/open_embeddings.ts";
export type { EmbeddingsTable } from "./src/export/embeddings_table.ts";
export { findSimilar, type Neighbor, type SimilarImages, type SimilarOptions } from "./src/export/similar.ts";
export { type Duplicate, type DuplicatesOptions, findDuplicates } from "./src/export/duplicates.ts";

export { explore, type ExploredPage, type ExploreOptions, type ExploreStage } from "./src/explore/explore.ts";
export { openWorld } from "./src/distributed/open_world.ts";
export { type Agreement, EndedError, type Failure, type Word, type World } from "./src/distributed/world.ts";

export { planOf, type RunPlan, type StepPlan } from "./src/inspect/plan.ts";
export { formatPlan } from "./src/inspect/format_plan.ts";
export { profileOf, type RunProfile } from "./src/inspect/profile.ts";
export { formatProfile } from "./src/inspect/format_profile.ts";
export type { Peaks } from "./src/inspect/peaks.ts";
export type { KernelTime } from "./src/inspect/timing.ts";
export {
  type AdapterFacts,
  type Decoding,
  type Diagnosis,
  doctor,
  type DoctorOptions,
  type Expectation,
  type FailureReports,
  type Finding,
  type Pin,
  type Product,
  type Proof,
  type Rates,
  type Speed,
} from "./src/inspect/doctor.ts";
export { formatDiagnosis } from "./src/inspect/doctor/report.ts";

export {
  readSafetensors,
  type Safetensors,
  type StoredTensor,
  type TensorEntry,
  writeSafetensors,
} from "./src/io/safetensors.ts";
export { type Implementation, useWebGpu } from "./src/gpu/webgpu.ts";
export type { MatrixUnit, MatrixUnits } from "./src/gpu/matrix_units.ts";
export type { Precision } from "./src/nn/parameters.ts";
export { type PreviewOptions, previewSheet } from "./src/plots/view_sheet.ts";
export * from "./data/mod.ts";
