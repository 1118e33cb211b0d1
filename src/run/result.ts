/**
 * The result of a run.
 *
 * @module
 */
import type { Collapse } from "./collapse.ts";
import type { Summary } from "./summary.ts";

/** The end of a run, or its interruption. */
export interface PretrainResult {
  /** The run's folder. */
  out: string;
  /** Steps done. */
  step: number;
  /** Steps of the whole run. */
  total: number;
  /** The first collapse; null if there was none. */
  collapse: Collapse | null;
  /** The figures of the finished run; null if it was interrupted. */
  summary: Summary | null;
}
