/**
 * From experiments to the runs that they need: each configuration once, whichever experiments share it.
 *
 * @module
 */
import type { Recipe } from "../../data/views/recipe.ts";
import type { PretrainOptions } from "../config/pretrain_options.ts";
import { type Experiment, type Row, type Scale, withoutOperations } from "./experiment.ts";

/** Options of the command line that go before those of a scale and its rows. */
export interface Overrides {
  data?: string | string[];
  limit?: number;
  holdout?: number;
  /** In place of the scale's epochs or steps. */
  epochs?: number;
  /** How many seeds every row is trained with. */
  seeds?: number;
}

/** What is trained: the options of a run, and its recipe in full. */
export interface Configuration {
  given: PretrainOptions;
  recipe: Recipe;
  /** Whether the untrained encoder and raw pixels are evaluated along with it. */
  baselines: boolean;
}

/** A row with the configurations that it is the mean of, one for each seed. */
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
    seed,
  };
  // An update that averages over more samples than the scale's comes less often, for the same number of samples.
  const { batch, accumulate = 1 } = given, usual = scale.options.batch!;
  if (given.steps !== undefined) given.steps = Math.round(given.steps * usual / (batch! * accumulate));
  const { data, limit, holdout, epochs } = overrides;
  if (data !== undefined) given.data = data;
  if (limit !== undefined) given.limit = limit;
  if (holdout !== undefined) given.holdout = holdout;
  // A row's own number of steps is its meaning.
  if (options.steps !== undefined) delete given.epochs;
  else if (epochs !== undefined) {
    delete given.steps;
    given.epochs = epochs;
  }
  // Only a target that follows has a τ.
  if ((given.target ?? (contrastive ? "shared" : "ema")) !== "ema") delete given.tau;
  return {
    given,
    recipe: withoutOperations(scale.recipe, without),
    // Of the scale's own configuration alone, as they are the same for all: so whoever shares it finds them there.
    baselines: !contrastive && without.length === 0 &&
      Object.entries(options).every(([name, value]) => value === scale.options[name as keyof typeof options]),
  };
}
