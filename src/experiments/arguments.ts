/**
 * The arguments of experiments.
 *
 * @module
 */

/** The arguments of `./run experiments`. */
export interface ExperimentArguments {
  /** Names of the experiments. */
  names: string[];
  scale: string;
  /** Options that replace the scale's. */
  data?: string | string[];
  limit?: number;
  holdout?: number;
  epochs?: number;
  seeds?: number;
  /** Folder for results and report. */
  out?: string;
  /** Run nothing, and report the results that are there. */
  reportOnly: boolean;
}
