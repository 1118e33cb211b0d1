/**
 * An experiment as data: what is varied, and what the paper found.
 *
 * @module
 */
import type { Recipe, ViewRecipe } from "../../data/views/recipe.ts";
import type { PretrainOptions } from "../config/pretrain_options.ts";

/** The operations of a recipe that an experiment can take away. */
export type Operation = Exclude<keyof ViewRecipe, "crop">;

/** What a row changes of its experiment's options. */
export interface RowOptions extends Omit<PretrainOptions, "data" | "recipe" | "seed" | "out"> {
  /** Operations that are taken away from both views. */
  without?: readonly Operation[];
}

/** A line of an experiment's table: one configuration, trained with one seed or several. */
export interface Row {
  /** What is special about it. Unique in its series. */
  name: string;
  /** Rows of one series are compared with each other, and have one colour. By default BYOL. */
  series?: Series;
  options?: RowOptions;
  /** Top-1 accuracy by linear evaluation on ImageNet in the paper, per cent; left out where it has none. */
  paper?: number;
  /** Is it what the other rows of its series are compared with? */
  baseline?: true;
  /** Is it the encoder before the first step, in place of the trained one? */
  untrained?: true;
  /** Is it trained with several seeds, as baselines are, for a claim rests on it? */
  repeated?: true;
}

/** The methods that are compared. The plain ones do not average gradients. */
export type Series = "BYOL" | "SimCLR" | "BYOL, plain" | "SimCLR, plain";

/** The sizes in which experiments come. */
export type ScaleName = "quick" | "cifar" | "full";

/** What all experiments of one size have in common. */
export interface Scale {
  name: ScaleName;
  /** For whom it is and how long it takes. */
  about: string;
  /** Of every run; rows change some of them. */
  options: RowOptions & { data?: string | string[] };
  /** What SimCLR's rows change of them: its own learning rate, where one was found. */
  simclr: RowOptions;
  /** How views are drawn if nothing is taken away. */
  recipe: Recipe;
  /** The batch over which gradients are averaged in the experiment with batches, and the parts it is cut into. */
  batches: { total: number; parts: readonly number[]; plain: readonly number[] };
  /** Widths of the projection. */
  projections: readonly number[];
  /** How many seeds baselines and repeated rows are trained with; the others have one. */
  seeds: number;
}

/** A question of the paper, and the runs that answer it. */
export interface Experiment {
  /** What the command line calls it. */
  name: string;
  title: string;
  /** What the names of its rows are. */
  varies: string;
  /** What is asked, and what the paper says: a paragraph. */
  about: string;
  /** Where the paper says it. */
  source: string;
  rows(scale: Scale): readonly Row[];
  /** The paper's own rows, where those of a scale are others; they are shown in place of the rows' figures. */
  paperRows?: readonly PaperRow[];
}

/** A figure of the paper. */
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
