/**
 * From experiments to the configurations of their runs.
 *
 * @module
 */
import type { Recipe } from "../../data/views/recipe.ts";
import type { PretrainOptions } from "../config/pretrain_options.ts";
import { type Experiment, type Row, type Scale, withoutOperations } from "./experiment.ts";

/** Options of the command line that win over those of a scale and its rows. */
export interface Overrides {
  data?: string | string[];
  limit?: number;
  holdout?: number;
  /** Replaces the scale's epochs or steps. */
  epochs?: number;
  /** Number of seeds of every row. */
  seeds?: number;
}

/** The options of a run, and its recipe in full. */
export interface Configuration {
  given: PretrainOptions;
  recipe: Recipe;
  /** Whether raw pixels and the untrained encoder are evaluated too. */
  baselines: boolean;
}

/** A row with its configurations, one for each seed. */
export interface PlannedRow {
  row: Row;
  configurations: Configuration[];
}

/** An experiment at one scale. */
export interface PlannedExperiment {
  experiment: Experiment;
  rows: PlannedRow[];
}

/** The configurations of all rows of `experiment`. */
export function planExperiment(
  experiment: Experiment,
  { scale, overrides = {} }: { scale: Scale; overrides?: Overrides },
): PlannedExperiment {
  const rows = experiment.rows(scale).map((row) => ({
    row,
    configurations: Array.from(
      { length: overrides.seeds ?? (row.baseline || row.repeated ? scale.seeds : 1) },
      (_, seed) => configure(row, { scale, overrides, seed }),
    ),
  }));
  return { experiment, rows };
}

function configure(
  row: Row,
  { scale, overrides, seed }: { scale: Scale; overrides: Overrides; seed: number },
): Configuration {
  const contrastive = row.series?.startsWith("SimCLR") ?? false;
  const { without = [], ...options } = row.options ?? {};
  const given: PretrainOptions = {
    ...scale.options,
    ...(contrastive && { method: "simclr", ...scale.simclr }),
    ...options,
    // As the results that were kept: all seeds are tested on the same images.
    order: "source",
    seed,
  };
  // Updates that average over more samples than the scale's are fewer, for the same number of samples.
  const { batch, accumulate = 1 } = given, updated = batch! * accumulate;
  if (given.steps !== undefined) given.steps = Math.round(given.steps * scale.options.batch! / updated);
  const { data, limit, holdout, epochs } = overrides;
  if (data !== undefined) given.data = data;
  if (limit !== undefined) given.limit = limit;
  if (holdout !== undefined) given.holdout = holdout;
  // A row's own number of steps is what it varies.
  if (options.steps !== undefined) delete given.epochs;
  else if (epochs !== undefined) {
    delete given.steps;
    given.epochs = epochs;
  }
  // Only a moving average has a τ.
  if ((given.target ?? (contrastive ? "shared" : "ema")) !== "ema") delete given.tau;
  return {
    given,
    recipe: withoutOperations(scale.recipe, without),
    // With the scale's own configuration only: they are the same for all, and experiments share that run.
    baselines: !contrastive && without.length === 0 &&
      Object.entries(options).every(([name, value]) => value === scale.options[name as keyof typeof options]),
  };
}
