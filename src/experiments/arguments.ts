/**
 * What experiments are asked for.
 *
 * @module
 */

/** What `./run experiments` is asked for. */
export interface ExperimentArguments {
  /** The experiments, all if none was named. */
  names: string[];
  scale: string;
  /** The overrides of a scale. */
  data?: string | string[];
  limit?: number;
  holdout?: number;
  epochs?: number;
  seeds?: number;
  /** Holds results and report. */
  out?: string;
  /** Make the report of what there is, and run nothing. */
  reportOnly: boolean;
}
