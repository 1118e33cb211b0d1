/**
 * Experiments as data: what is varied, and what the paper found.
 *
 * @module
 */
import type { Recipe, ViewRecipe } from "../../data/views/recipe.ts";
import type { PretrainOptions } from "../config/pretrain_options.ts";

/** Operations of a recipe that an experiment can remove. */
export type Operation = Exclude<keyof ViewRecipe, "crop">;

/** Options that a row changes. */
export interface RowOptions extends Omit<PretrainOptions, "data" | "recipe" | "seed" | "out"> {
  /** Operations that are removed from both views. */
  without?: readonly Operation[];
}

/** A row of an experiment's table: one configuration, trained with one or several seeds. */
export interface Row {
  /** Its value of what the experiment varies. Unique in its series. */
  name: string;
  /** Rows of one series are compared with each other, and have the same color. Default: BYOL. */
  series?: Series;
  options?: RowOptions;
  /** Top-1 accuracy in percent by linear evaluation on ImageNet in the paper, if it has one. */
  paper?: number;
  /** The row that the others of its series are compared with. */
  baseline?: true;
  /** Scores the encoder before the first step instead of the trained one. */
  untrained?: true;
  /** Trained with several seeds, as baselines are, because a claim rests on it. */
  repeated?: true;
}

/** The methods that are compared. The plain ones do not average gradients over batches. */
export type Series = "BYOL" | "SimCLR" | "BYOL, plain" | "SimCLR, plain";

/** The sizes of experiments. */
export type ScaleName = "quick" | "cifar" | "full";

/** What all experiments of one size share. */
export interface Scale {
  name: ScaleName;
  /** Its data and network, and how long it takes. */
  about: string;
  /** Options of every run; rows change some of them. */
  options: RowOptions & { data?: string | string[] };
  /** Options of SimCLR's rows, such as its own learning rate, where one was found. */
  simclr: RowOptions;
  /** The recipe of the views, before operations are removed. */
  recipe: Recipe;
  /** For the experiment with batches: the batch over which gradients are averaged, and the parts it is split into. */
  batches: { total: number; parts: readonly number[]; plain: readonly number[] };
  /** Widths of the projection. */
  projections: readonly number[];
  /** Number of seeds of baselines and repeated rows; the others have one. */
  seeds: number;
}

/** An experiment of the paper. */
export interface Experiment {
  /** Its name on the command line. */
  name: string;
  title: string;
  /** What its rows vary, as the heading of their names. */
  varies: string;
  /** The question and the paper's answer: a paragraph. */
  about: string;
  /** The place in the paper. */
  source: string;
  rows(scale: Scale): readonly Row[];
  /** The paper's own rows, where a scale has others; its plot shows them. */
  paperRows?: readonly PaperRow[];
}

/** A row with the paper's figure. */
export type PaperRow = Pick<Row, "name" | "series" | "paper">;

/** `recipe` without some of its operations. */
export function withoutOperations(recipe: Recipe, operations: readonly Operation[]): Recipe {
  const names = new Set<string>(operations);
  const reduced = (view: ViewRecipe): ViewRecipe =>
    Object.fromEntries(Object.entries(view).filter(([name]) => !names.has(name)));
  const [first, second] = recipe.views;
  return {
    ...recipe,
    name: [recipe.name, ...operations].join("-"),
    views: [reduced(first), reduced(second)],
  };
}
