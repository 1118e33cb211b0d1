import type { Experiment } from "../experiment.ts";

export const predictor: Experiment = {
  name: "predictor",
  title: "Predictor and target network",
  varies: "networks",
  about:
    "BYOL's loss is lowest when all images have the same projection. The paper removes the predictor, or replaces the " +
    "target network by the online network's own projections, with or without a gradient: each time the representation " +
    "collapses.",
  source: "tables 5b and 19, rows with β = 0",
  rows: () => [
    { name: "predictor and target", baseline: true, paper: 72.5 },
    { name: "no target, stop-gradient", options: { target: "none" }, paper: 5.5 },
    { name: "no target", options: { target: "shared" }, paper: 0.3 },
    { name: "no predictor", options: { predictor: false }, paper: 0.2 },
    { name: "neither", options: { predictor: false, target: "shared" }, paper: 0.1 },
  ],
};
