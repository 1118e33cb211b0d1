import type { Experiment } from "../experiment.ts";

export const negatives: Experiment = {
  name: "negatives",
  title: "Between BYOL and SimCLR: negatives",
  varies: "loss",
  about:
    "Both belong to one family: an InfoNCE loss with negatives of weight β, with or without a predictor and a target " +
    "network. β = 0 with both is BYOL, β = 1 with neither is SimCLR. In the paper, BYOL needs no negatives; negatives " +
    "of full weight cost it 1.6 points at temperature 0.1, and nothing at a higher one.",
  source: "tables 5b and 18, temperature 0.1",
  rows: () => [
    { name: "BYOL, β = 0", baseline: true, paper: 72.5 },
    { name: "β = 0.1", options: { negatives: .1 }, paper: 72.4 },
    { name: "β = 0.5", options: { negatives: .5 }, paper: 72.0 },
    { name: "β = 1", options: { negatives: 1 }, paper: 70.9 },
    { name: "β = 1, no predictor", options: { negatives: 1, predictor: false }, paper: 70.7 },
    { name: "β = 1, no target", options: { negatives: 1, target: "shared" }, paper: 69.1 },
    { name: "β = 1, neither", options: { negatives: 1, predictor: false, target: "shared" }, paper: 69.4 },
  ],
};
