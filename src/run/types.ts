/**
 * How a run is accompanied, and how it ends.
 *
 * @module
 */
import type { Progress, ProgressOptions } from "../base/progress.ts";
import type { Collapse } from "./collapse.ts";
import type { Summary } from "./summary.ts";

/** The end of a run, or its interruption. */
export interface Outcome {
  /** The run's folder. */
  out: string;
  step: number;
  total: number;
  /** When the run collapsed, and what tells; null of a healthy run. */
  collapse: Collapse | null;
  /** Null if the run was interrupted. */
  summary: Summary | null;
}

/** How a run is accompanied. */
export interface PretrainHooks {
  /** Go on with the run in `out` from its last checkpoint. */
  resume?: boolean;
  /** Go on with it although the data are no longer those that it began with. */
  allowChangedData?: boolean;
  /** When aborted, the run finishes its step, writes a checkpoint and returns. */
  signal?: AbortSignal;
  /** Receives what the run has to say; by default it is printed. */
  print?: (line: string) => void;
  /** Makes what shows the progress; by default lines of text, given to `print`. */
  progress?: (options: ProgressOptions) => Progress;
}
