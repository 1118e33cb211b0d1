/**
 * The options of a run with their defaults filled in, as config.json has them.
 *
 * @module
 */
import type { SplitName } from "../../data/sources/survey.ts";
import type { PretrainSettings } from "./pretrain_options.ts";

/** Options that may be null; see {@linkcode ResolvedOptions}. */
type Nullable =
  | "data"
  | "split"
  | "label"
  | "limit"
  | "holdout"
  | "epochs"
  | "steps"
  | "maxBad"
  | "preset"
  | "init"
  | "evalEvery"
  | "baseLr";

/** Every option of a run; {@linkcode PretrainSettings} documents them. */
export interface ResolvedOptions extends Required<Omit<PretrainSettings, Nullable>> {
  /** Null: a program gave a source of its own. */
  data: string | string[] | null;
  /** Null: the training split, if there are splits. */
  split: SplitName | null;
  /** Null: the column that is usually called so. */
  label: string | null;
  /** Null: all images. */
  limit: number | null;
  /** Null: a tenth of the images, at most 1,000. */
  holdout: number | null;
  /** Null: a tenth of the images. */
  maxBad: number | null;
  /** Null exactly if `steps` is a number. */
  epochs: number | null;
  steps: number | null;
  /** Null: so that there are about 20 evaluations. */
  evalEvery: number | null;
  /** Null: drawn weights. */
  init: string | null;
  /** The name or file of the preset, whose values are among the others here; null if there is none. */
  preset: string | null;
  /** Null if `lr` was given. */
  baseLr: number | null;
}
