/** The experiments, in the order in which they run. Later ones share runs of earlier ones. */
import type { Experiment } from "../experiment.ts";
import { augmentations } from "./augmentations.ts";
import { batch } from "./batch.ts";
import { fixedTarget } from "./fixed_target.ts";
import { negatives } from "./negatives.ts";
import { predictor } from "./predictor.ts";
import { projection } from "./projection.ts";
import { tau } from "./tau.ts";

export const experiments: readonly Experiment[] = [
  fixedTarget,
  tau,
  predictor,
  augmentations,
  batch,
  projection,
  negatives,
];
