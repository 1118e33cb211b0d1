/**
 * What a run tells those who show it: a page, files of other tools.
 *
 * @module
 */
import type { Recipe } from "../../data/views/recipe.ts";
import type { EvaluationRecord, StepRecord } from "../config/callbacks.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";
import type { DataReport } from "../eval/data_report.ts";
import type { LabeledFeatures } from "../eval/features.ts";

/** A run as it starts, or goes on. */
export interface ObservedRun {
  options: ResolvedOptions;
  recipe: Recipe;
  /** What was found in the data. */
  data: DataReport;
  /** Names of the classes; labels are their indices. */
  classes: readonly string[];
  /** Steps of the whole run. */
  total: number;
  /** Steps done before: those of the checkpoint from which a resumed run goes on. */
  start: number;
  /** The adapter as text. */
  adapter: string;
  /** Bytes of GPU memory that training takes. */
  gpuBytes: number;
}

/** A small square picture. */
export interface Thumbnail {
  /** Pixels per side. */
  side: number;
  /** [side, side, 3]: red, green and blue. */
  pixels: Uint8Array;
}

/** A held-out image of an evaluation. */
export interface ObservedImage {
  /** Its number in the source, and its name there. */
  index: number;
  key: string;
  thumbnail: Thumbnail;
}

/** The encoder on held-out images: up to 2,000, the same ones in all evaluations of a run. */
export interface ObservedEvaluation {
  /** Steps done; 0 for the encoder that training starts from. */
  step: number;
  /** Its line of evaluations.jsonl; null before the first step. */
  record: EvaluationRecord | null;
  /** Their features: a row per image. */
  heldOut: LabeledFeatures;
  /** The images of the rows. */
  images: readonly ObservedImage[];
}

/** A collapse: all images have the same projection. */
export interface ObservedCollapse {
  /** The step at which it is certain. */
  step: number;
  /** The measurements that show it, as a text. */
  evidence: string;
  /** What to try, as a text. */
  remedy: string;
}

/** How a run ended. */
export interface RunOutcome {
  /** "stopped": by a signal, after a checkpoint; it can be resumed. "collapsed": by `stopOnCollapse`. */
  state: "done" | "stopped" | "collapsed" | "failed";
  /** The error's message, if one ended the run. */
  message: string | null;
}

/**
 * Follows a run. Calls come in order, and the run waits for the asynchronous ones: before the first step and at each
 * evaluation the GPU is idle meanwhile. What an observer throws does not end the run: it is logged once.
 */
export interface RunObserver extends Partial<AsyncDisposable> {
  /** What it makes, for the warning if it fails: "metrics.csv". */
  readonly name: string;
  /** A line of metrics.jsonl was written. */
  recorded?(record: StepRecord): void;
  /** `step` steps were submitted; called after each of them. `secondsLeft`: an estimate; null before there is one. */
  progressed?(step: number, secondsLeft: number | null): void;
  /** The encoder was evaluated: before the first step, every `evalEvery` epochs, and after the last. */
  evaluated?(evaluation: ObservedEvaluation): Promise<void>;
  /** The state after `step` steps is on disk, with all records up to it. */
  checkpointed?(step: number): Promise<void>;
  /** The run has collapsed; called once. */
  collapsed?(collapse: ObservedCollapse): void;
  /** A line of text was shown: warnings among others. */
  logged?(line: string): void;
  /** The run has ended, and its files are written; nothing follows. Not called if the process is killed. */
  ended?(outcome: RunOutcome): Promise<void>;
}
