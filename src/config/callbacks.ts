/**
 * What a run tells the program that started it.
 *
 * @module
 */
import type { Progress, ProgressOptions } from "../base/progress.ts";

/** The figures of one training step: a line of metrics.jsonl, whose keys are the same in snake_case. */
export interface StepRecord {
  /** Steps done, 1 after the first. */
  step: number;
  /** The epoch of the step's batch, 0 for the first. */
  epoch: number;
  /** Loss averaged over the batch, both terms added: 0 … 8 without negatives. */
  loss: number;
  /** Learning rate. */
  lr: number;
  /** Decay rate of the target network; null without one. */
  tau: number | null;
  /** Source images per second since the previous record. */
  imagesPerSecond: number;
  /** Fraction of the time the GPU waited for data since the previous record, 0 … 1. */
  dataWait: number;
  /**
   * Where processes train together: seconds of a step in which this one waited for others, the network and the copies of what
   * they exchanged, since the previous record.
   */
  exchangeSeconds?: number;
  /** The share of these seconds in the time of the steps. */
  exchangeShare?: number;
  /** The rank that the others waited for longest. */
  slowestRank?: number;
  /** With mixed precision: the loss scale of the step. */
  lossScale?: number;
  /** With mixed precision: steps since the previous record whose gradients overflowed, and which were skipped. */
  skippedSteps?: number;
  /** Standard deviation of the normalized projections: near 1/√D when healthy, 0 when collapsed. */
  zStd: number;
  /** L2 norm of the online network's gradient; null for a step that overflowed. */
  gradNorm: number | null;
  /** Cosine between the weights of online and target network after the step; null without a target network. */
  targetCosine: number | null;
}

/**
 * What a run is doing, judged without labels. `changing`: the neighbors of the held-out images still change; `flat`: they
 * hardly do; `degrading`: the projections narrow towards a collapse; `collapsed`: they have become
 * about one point or one line.
 */
export type Verdict = "changing" | "flat" | "degrading" | "collapsed";

/** An evaluation on held-out samples: a line of evaluations.jsonl, whose keys are the same in snake_case. */
export interface EvaluationRecord {
  /** Steps done. */
  step: number;
  /** Epochs done. */
  epoch: number;
  /** kNN accuracy of the features, 0 … 1; null without labels on both sides of the split. */
  knn: number | null;
  /** Accuracy of the linear classifier that is trained beside the encoder, 0 … 1; null without one. */
  probe: number | null;
  /** Effective rank (RankMe) of the features; where they have more than 512 dimensions, of 512 samples. */
  rankme: number;
  /** Effective rank (RankMe) of the projections, likewise. */
  rankmeProjections: number;
  /** Standard deviation of the normalized projections of the held-out samples: 1/√D if even, 0 if collapsed. */
  zStd: number;
  /**
   * The share of the 10 nearest neighbors among the held-out samples (the first 1,000; fewer neighbors of fewer than 50)
   * that were neighbors at the evaluation before, or before the first step; null with fewer than 20 samples, and if they
   * are not the same.
   */
  neighborStability: number | null;
  /** Null until there are enough evaluations to tell. */
  verdict: Verdict | null;
  /** The step since which the verdict has been the same; null without one. */
  verdictSince: number | null;
}

/** What a run reports while it goes on, and how a program ends it. Callbacks are not awaited: they must not be async. */
export interface PretrainCallbacks {
  /**
   * Called with each record of metrics.jsonl: every `logEvery` steps and after the last. With it the metrics are read
   * from the GPU every `logEvery` steps instead of every 50, and each reading waits for the GPU.
   */
  onStep?: (record: StepRecord) => void;
  /** Called with each record of evaluations.jsonl: every `evalEvery` epochs and after the last step. */
  onEvaluation?: (record: EvaluationRecord) => void;
  /** Receives every line of text; by default lines are printed. */
  log?: (line: string) => void;
  /** Creates the progress display; by default lines of text go to `log`. */
  progress?: (options: ProgressOptions) => Progress;
  /** Hears how many bytes of the weights to start from have been downloaded, and of how many, if the server says. */
  onDownload?: (done: number, total: number | null) => void;
  /** When aborted, the run finishes its step, writes a checkpoint and returns. */
  signal?: AbortSignal;
}
