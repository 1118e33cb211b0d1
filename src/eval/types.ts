/**
 * What an evaluation takes and what it returns.
 *
 * @module
 */
import type { Precision } from "../nn/parameters.ts";
import type { SplitName } from "../../data/sources/survey.ts";
import type { ImageSource } from "../../data/sources/types.ts";
import type { Backbone } from "../config/backbone.ts";
import type { KernelSelection } from "../config/pretrain_options.ts";
import type { DataReport } from "./data_report.ts";
import type { LabeledFeatures } from "./features.ts";
import type { RateScore } from "./rate_sweep.ts";

/**
 * Version of the protocol. Figures of different versions are not compared.
 *
 * 1. Linear classifiers on features as they are, at one of nine rates from 0.001 to 10; fine-tuning at a fixed rate.
 * 2. On standardized features, with further rates if the best is at an end, and a weight decay; chosen by cross-validation
 *    if there are few labels, for more epochs if there are few images; fine-tuning at the best of a sweep.
 */
export const PROTOCOL_VERSION = 2;

/** What is evaluated: raw pixels, the encoder with its initial weights, the encoder itself. */
export type RowName = "raw pixels" | "untrained" | "initial" | "trained";

/** Images to learn from or to test on: the name of a source, several names joined as one, or an open source. */
export type LabeledData = string | readonly string[] | ImageSource;

/** Which encoder is used, and how images are prepared for it. Either `run` or `encoder` is needed. */
export interface EncoderOptions {
  /** Folder of a run: its encoder. */
  run?: string;
  /**
   * Encoder weights under torchvision's names, of safetensors or PyTorch (.pth): a file, or an address, https:// or
   * hf://OWNER/NAME. Default: the run's.
   */
  encoder?: string;
  /** Backbone of these weights, by its name or described. Default: as the file says. */
  backbone?: Backbone;
  /** First layers: 3 × 3 (`"cifar"`), or 7 × 7 and max pooling (`"imagenet"`). Default: as the file says. */
  stem?: "cifar" | "imagenet";
  /** Side of its images in pixels. Default: as the file says, else 224, with the stem for small images 32. */
  size?: number;
  /** Subtracted from red, green and blue in 0 … 1. Default: as the file says, else ImageNet's. */
  mean?: readonly number[];
  /** Divides red, green and blue after that. Default: as the file says, else ImageNet's. */
  std?: readonly number[];
  /** How the contrast of its images is stretched when they are decoded. Default: as the file says, else `"none"`. */
  stretch?: "percentile" | "none";
}

/** Options of {@linkcode evaluate}. Either `run` or `encoder` is needed; everything else has a default. */
export interface EvaluateOptions extends EncoderOptions {
  /** Folder of a run: its encoder, its data, and the images it held out. */
  run?: string;
  /**
   * Labeled images to learn from and to test on: the training split and the test split, else the validation split, else a
   * fifth, drawn by the seed. With `run`: the run's images, where they are now. An open source stays open.
   */
  data?: LabeledData;
  /** The split to test on, of `data` or of the run's data. Default: of `data` as said there, of a run what it held out. */
  split?: SplitName;
  /** The column of the labels, in Parquet files and lists. Default: the run's, else the one that is usually called so. */
  label?: string;
  /** Labeled images to learn from. An open source stays open. Default: those the run trained on. */
  train?: LabeledData;
  /**
   * Labeled images to test on; of data with splits the test split, else the validation split. An open source stays open.
   * Default: those the run held out.
   */
  test?: LabeledData;
  /** Fraction of the labels to learn from, above 0 and up to 1, equally many per class. Default: 1. */
  labels?: number;
  /** Leave out images whose short side has fewer pixels. Default: the run's, else 1. */
  minSide?: number;
  /** Workers that decode images. Default: one per core, at most 8. */
  workers?: number;
  /** Numbers of neighbors for kNN. Default: 20 and 200, as far as there are as many images. */
  k?: number | readonly number[];
  /** Temperature T of the neighbors' votes, exp(cosine / T). Default: 0.1. */
  temperature?: number;
  /**
   * What the linear classifier learns from: features of the plain images, computed once (`"cached"`); features of random
   * crops and flips, computed in each epoch (`"crop"`); `"none"` leaves it out. Default: `"cached"`.
   */
  probeViews?: "cached" | "crop" | "none";
  /** Epochs of the linear classifier. Default: 20 with crops; cached as many as make 5,000 steps, 100 to 400. */
  probeEpochs?: number;
  /** Also evaluate raw pixels, the untrained encoder and the one that the run started from. Default: true. */
  baselines?: boolean;
  /** Seed of the untrained encoder and of every random draw. Default: the run's, else 0. */
  seed?: number;
  /** Also train the encoder itself on the labels, with a classifier on top. Default: false. */
  finetune?: boolean;
  /** Epochs of fine-tuning. Default: 30. */
  finetuneEpochs?: number;
  /** Peak learning rate of fine-tuning at a batch of 256. Default: the best on a held-back fifth of the training images. */
  finetuneLr?: number;
  /** Folder for evaluation.json and the pictures. Default: the run's, else `evaluation`. */
  out?: string;
  /**
   * How kernels are chosen: `"auto"` times them on first use and remembers the fastest, `"default"` takes the adapter's
   * defaults, the others pin a family. Default: `"auto"`.
   */
  kernels?: KernelSelection;
  /**
   * `"mixed"`: the features of plain images, for kNN and the classifier, are computed with float16 activations and weights; what
   * trains the encoder, or learns from crops, stays float32. Needs an adapter with float16. Default: `"f32"`.
   */
  precision?: Precision;
  /** Draws pictures, which are written to `out`. Default: none are drawn. */
  draw?: DrawEvaluation;
  /** Receives each line of text. Default: lines are printed. */
  log?: (line: string) => void;
  /** Hears how many bytes of the encoder have been downloaded, and of how many, if the server says. */
  onDownload?: (done: number, total: number | null) => void;
  /** Ends the evaluation with its reason when aborted; nothing is written then. */
  signal?: AbortSignal;
}

/** Draws pictures of an evaluation; returns SVG files by name. */
export type DrawEvaluation = (evaluation: EvaluatedFeatures) => Record<string, string>;

/** What there is to draw. */
export interface EvaluatedFeatures {
  /** The report, whose `paths` are still empty. */
  report: EvaluationReport;
  /** The features of the test images, by row. */
  features: ReadonlyMap<RowName, LabeledFeatures>;
}

/** Accuracies in 0 … 1 of a linear classifier. */
export interface LinearScores {
  /** Fraction of test images whose class scores highest. */
  top1: number;
  /** Fraction of test images whose class is among the five highest; null with five classes or fewer. */
  top5: number | null;
  /** The peak learning rate that was used. */
  lr: number;
  /** The rates that were tried, with their accuracy on held-back training images; empty if none were. */
  sweep: RateScore[];
  /** The weight decay of the linear classifier. Fine-tuning has none. */
  decay: number;
}

/** Scores of one encoder, or of raw pixels. Accuracies are in 0 … 1. */
export interface EvaluationRow {
  /** What was scored. */
  name: RowName;
  /** Accuracy of kNN by number of neighbors. */
  knn: Record<string, number>;
  /** The linear protocol, at the learning rate it chose; null with `probeViews: "none"`. */
  linear: LinearScores | null;
  /** RankMe, the effective rank of the test features; null for raw pixels. */
  rankme: number | null;
  /**
   * Accuracy per class, by the linear classifier, or by kNN with the fewest neighbors where there is none; null for a class
   * without test images.
   */
  perClass: (number | null)[];
  /**
   * Confusion matrix of the same classifier: `confusion[i][j]` images of class i were predicted as class j. Null with more
   * than 100 classes.
   */
  confusion: number[][] | null;
  /** With more than 100 classes: the 100 most frequent confusions of the same classifier; otherwise null. */
  topConfusions: Confusion[] | null;
}

/** Test images of one class that were predicted as another. */
export interface Confusion {
  /** The class that they have. */
  actual: string;
  /** The class that was predicted. */
  predicted: string;
  /** How many. */
  count: number;
}

/** Result of {@linkcode evaluate}. */
export interface EvaluationReport {
  /** Raw pixels, the untrained encoder, the one a run started from if it was not drawn, and the trained one; without baselines only the last. */
  rows: EvaluationRow[];
  /** The fine-tuned encoder; null without `finetune`. */
  finetuned: LinearScores & { epochs: number } | null;
  /** Names of the classes that occur. */
  classes: string[];
  /** What was found in the images: of one source, or of one to learn from and one to test on. */
  data: DataReport[];
  /** What to know before the figures are believed, such as images that are both learned from and tested on. */
  warnings: string[];
  /** Labeled images learned from and tested on, images that could not be used, and those left out by `minSide`. */
  counts: { train: number; test: number; bad: number; leftOut: number };
  /** How it was done. */
  settings: EvaluationSettings;
  /** The files that were written. */
  paths: string[];
}

/** How an evaluation was done. */
export interface EvaluationSettings {
  /** {@linkcode PROTOCOL_VERSION}; not in reports of version 1. */
  protocol: number;
  /** File with the encoder's weights. */
  encoder: string;
  /** Its backbone. */
  backbone: string;
  /** Side of its images in pixels. */
  size: number;
  /** Name of the images learned from. */
  train: string;
  /** Name of the test images. */
  test: string;
  /** Temperature of the neighbors' votes. */
  temperature: number;
  /** What the linear classifier learned from. */
  probeViews: "cached" | "crop" | "none";
  /** Epochs of the linear classifier. */
  probeEpochs: number;
  /** Fraction of the labels learned from. */
  labels: number;
  /** Seed of all random draws. */
  seed: number;
  /** Name of the GPU. */
  adapter: string;
  /** "mixed" if features were computed in float16; absent otherwise. */
  precision?: "mixed";
}
