import type { Experiment } from "../src/experiments/experiment.ts";

export const fixedTarget: Experiment = {
  name: "fixed-target",
  title: "Learning from a fixed random target",
  varies: "target",
  about:
    "A network that predicts the projections of a fixed network, drawn at random, learns a better representation " +
    "than the random one that it is taught by: the observation that BYOL was made of. The paper reports 1.4 % for the " +
    "random network and 18.8 % for the one that learnt from it; with a target that follows slowly, 72.5 %.",
  source: "section 2 and table 5a",
  rows: () => [
    { name: "untrained", untrained: true, paper: 1.4 },
    { name: "fixed target (τ = 1)", options: { tau: 1 }, paper: 18.8 },
    { name: "moving average", baseline: true, paper: 72.5 },
  ],
};
