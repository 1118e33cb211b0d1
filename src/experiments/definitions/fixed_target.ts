import type { Experiment } from "../experiment.ts";

export const fixedTarget: Experiment = {
  name: "fixed-target",
  title: "Predicting a fixed random target",
  varies: "target",
  about:
    "A network that predicts the projections of a fixed random network learns a better representation than that " +
    "network has: the observation that led to BYOL. The paper reports 1.4 % for the random network and 18.8 % for the " +
    "one trained to predict it; with a moving average as the target, 72.5 %. The random network is shown as initialized, " +
    "and calibrated: with the images' statistics in its batch normalization. What exceeds both was learned.",
  source: "section 2 and table 5a",
  rows: () => [
    { name: "untrained", untrained: true, repeated: true, paper: 1.4 },
    // No weight moves by more than 1e-25, but batch normalization collects the images' statistics.
    {
      name: "untrained, calibrated",
      options: { tau: 1, lr: 1e-30, steps: 60 },
      repeated: true,
    },
    { name: "fixed target (τ = 1)", options: { tau: 1 }, repeated: true, paper: 18.8 },
    { name: "moving average", baseline: true, paper: 72.5 },
  ],
};
