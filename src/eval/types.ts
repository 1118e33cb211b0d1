/**
 * How an evaluation is accompanied, and what it reports.
 *
 * @module
 */
import type { RowName } from "./feature_sets.ts";

/** What the features of one encoder, or the raw pixels, are worth. Accuracies are shares in 0 … 1. */
export interface EvaluationRow {
  name: RowName;
  /** Accuracy of kNN by the number of neighbours. */
  knn: Record<string, number>;
  /** The linear protocol, with the learning rate that was chosen; null if it was not asked for. */
  linear: { top1: number; top5: number | null; lr: number } | null;
  /** RankMe, the effective rank of the test samples' features; null for raw pixels. */
  rankme: number | null;
  /** Accuracy of each class, by the linear classifier, or else by kNN with the fewest neighbours; null of a class without samples. */
  perClass?: (number | null)[];
  /** Of the same classifier: how many samples of the class of the row were taken for that of the column. */
  confusion?: number[][];
}

/** The content of evaluation.json. */
export interface EvaluationReport {
  rows: EvaluationRow[];
  /** Of the encoder that was trained on with the labels; null if that was not asked for. */
  finetuned: { top1: number; top5: number | null; lr: number; epochs: number } | null;
  /** The names of the classes. */
  classes: string[];
  /** Labelled samples that taught and that were asked about, and images that could not be used. */
  counts: { train: number; test: number; bad: number };
  /** How it was done. */
  settings: {
    encoder: string;
    backbone: string;
    size: number;
    train: string;
    test: string;
    temperature: number;
    probe_views: "cached" | "crop" | "none";
    probe_epochs: number;
    /** The share of the labels that taught. */
    labels: number;
    seed: number;
    adapter: string;
  };
  /** The files that were written. */
  paths: string[];
}

/** How an evaluation is accompanied. */
export interface EvaluateHooks {
  /** Receives what there is to say; by default it is printed. */
  print?: (line: string) => void;
  /** Ends the evaluation by its reason when aborted; then nothing is written. */
  signal?: AbortSignal;
}
