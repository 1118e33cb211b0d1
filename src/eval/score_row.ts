/**
 * The features of an evaluation's images, and the scores of one row: kNN, the linear protocol, RankMe.
 *
 * @module
 */
import type { KernelChooser } from "../graph/kernel_choice.ts";
import type { EvaluationData } from "./data.ts";
import type { CollectedFeatures, FeatureCollector } from "./feature_sets.ts";
import { type LabeledFeatures, rowsOf } from "./features.ts";
import { fitFeatures } from "./fit_heads.ts";
import { knnClassify } from "./knn.ts";
import { type CropOptions, fitCrops } from "./labeled_crops.ts";
import { unanswerable, uniteClasses } from "./classes.ts";
import { classifiersAtOnce } from "./head_sizes.ts";
import { sharedImages } from "./image_digests.ts";
import { confusionOf, labeledRows, neighborCounts, stratifiedSubset } from "./labels.ts";
import { type Fit, linearProtocol, type LinearResult, probeEpochsOf } from "./linear.ts";
import type { EvaluationSetup, Protocol } from "./setup.ts";
import { rankMe } from "./spectrum.ts";
import type { EvaluateOptions, EvaluationRow, RowName } from "./types.ts";

/** Epochs of the linear classifier on raw pixels: thousands of dimensions make its steps slow. */
const RAW_EPOCHS = 100;

/** The images of an evaluation as features with labels. */
export interface EvaluationSamples {
  train: CollectedFeatures;
  test: CollectedFeatures;
  trainLabels: Int32Array;
  testLabels: Int32Array;
  /** Names of the classes that occur. */
  classes: string[];
  /** Rows of the training part that are learned from. */
  learned: Uint32Array;
  /** Rows of the test part that have a label. */
  tested: Uint32Array;
  /** What to know before the figures are believed. */
  warnings: string[];
  /** Numbers of neighbors in ascending order. */
  ks: number[];
}

/** Computes the features of all images, and chooses which labels to learn from. */
export async function collectSamples(
  collector: FeatureCollector,
  { data, protocol: { labels: share, seed }, k }: {
    data: EvaluationData;
    protocol: Protocol;
    k: EvaluateOptions["k"];
  },
): Promise<EvaluationSamples> {
  const train = await collector.collect(data.train), test = await collector.collect(data.test);
  const names = { train: data.train.source.name, test: data.test.source.name };
  const labelsOf = ({ sets }: CollectedFeatures) => sets.get("trained")!.labels;
  const united = uniteClasses(
    { labels: labelsOf(train), name: names.train, classes: data.train.source.classes },
    { labels: labelsOf(test), name: names.test, classes: data.test.source.classes },
  );
  const { classes, train: trainLabels, test: testLabels } = united;
  const rows = labeledRows(trainLabels, names.train), tested = labeledRows(testLabels, names.test);
  const learned = stratifiedSubset(rows, { labels: trainLabels, share, seed });
  const ks = neighborCounts(k, learned.length);
  const warnings = [
    unanswerable(united, { learned, names }),
    sharedImages({ ...train, rows: learned }, { ...test, rows: tested }),
  ].filter((warning) => warning !== null);
  return {
    train: relabeled(train, trainLabels),
    test: relabeled(test, testLabels),
    ...{ trainLabels, testLabels, classes, learned, tested, ks, warnings },
  };
}

/** The same features with other labels. */
function relabeled(
  { sets, ...others }: CollectedFeatures,
  labels: Int32Array<ArrayBuffer>,
): CollectedFeatures {
  return { ...others, sets: new Map([...sets].map(([name, samples]) => [name, { ...samples, labels }])) };
}

/** What a row is scored with. */
export interface ScoringContext {
  setup: EvaluationSetup;
  samples: EvaluationSamples;
  chooser?: KernelChooser;
  /** Images the encoder takes at once. */
  batch: number;
  signal?: AbortSignal;
}

/** Scores the row `name`. */
export async function scoreRow(name: RowName, context: ScoringContext): Promise<EvaluationRow> {
  const { setup: { gpu, protocol }, samples: { train, test, testLabels, classes, learned, ks } } = context;
  const { seed, temperature: T, probeViews } = protocol;
  const sets = { train: rowsOf(train.sets.get(name)!, learned), test: test.sets.get(name)! };
  const size = { dims: sets.train.dims, classes: classes.length };
  const atOnce = probeViews === "none" ? 0 : classifiersAtOnce(gpu, size);
  const knn = await knnClassify(gpu, { references: sets.train, queries: sets.test, ks, T });
  const fit = fitOf(name, sets.train, context);
  const decays = name === "raw pixels" || probeViews === "crop" ? [] : undefined;
  const linear = probeViews === "none"
    ? null
    : await linearProtocol(gpu, { ...sets, seed, fit, atOnce, decays });
  return {
    name,
    knn: Object.fromEntries(knn.map(({ accuracy }, i) => [ks[i], accuracy])),
    linear: linear && scoresOf(linear),
    rankme: name === "raw pixels" ? null : rankMe(sets.test),
    ...confusionOf((linear ?? knn[0]).predictions, { labels: testLabels, classes }),
  };
}

const scoresOf = ({ top1, top5, lr, decay, sweep }: LinearResult) => ({ top1, top5, lr, decay, sweep });

/** How the linear classifier of a row learns: from crops, or from the features `samples`. */
function fitOf(name: RowName, samples: LabeledFeatures, context: ScoringContext): Fit {
  const { setup: { gpu, encoder, initial, protocol: { seed, probeViews, probeEpochs } } } = context;
  if (probeViews === "crop" && name !== "raw pixels") {
    const from = name === "untrained" ? { seed } : name === "initial" ? initial! : encoder;
    return fitCrops(gpu, { ...cropOptions(context), from });
  }
  // There are no features of raw pixels' crops: they are learned from as they are.
  const own = probeViews === "crop" ? null : probeEpochs, isRaw = name === "raw pixels";
  const epochs = own ?? (isRaw ? RAW_EPOCHS : probeEpochsOf(context.samples.learned.length, "cached"));
  const classes = context.samples.classes.length, { signal } = context;
  return (chosen) => fitFeatures(gpu, { samples, classes, epochs, seed, signal, ...chosen });
}

/** How crops of the training images are learned from. */
export function cropOptions({ setup, samples, chooser, batch, signal }: ScoringContext): CropOptions {
  const { encoder, data, protocol, onBad, onNote } = setup, { probeViews, seed, workers, minSide } = protocol;
  const { train, trainLabels, classes, learned } = samples;
  return {
    encoder,
    images: {
      source: data.train.whole,
      indices: Array.from(learned, (row) => train.indices[row]),
      labels: Int32Array.from(learned, (row) => trainLabels[row]),
    },
    classes: classes.length,
    epochs: protocol.probeEpochs ?? probeEpochsOf(learned.length, probeViews),
    seed,
    batch,
    workers,
    minSide,
    chooser,
    signal,
    onBad,
    onNote,
  };
}
