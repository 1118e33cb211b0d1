import type { Experiment } from "../experiment.ts";

export const fixedTarget: Experiment = {
  name: "fixed-target",
  title: "Learning from a fixed random target",
  varies: "target",
  about:
    "A network that predicts the projections of a fixed network, drawn at random, learns a better representation " +
    "than the random one that it is taught by: the observation that BYOL was made of. The paper reports 1.4 % for the " +
    "random network and 18.8 % for the one that learnt from it; with a target that follows slowly, 72.5 %. The random " +
    "network is shown as it is drawn, and calibrated, with the statistics of images in its batch normalisation: what is " +
    "more than both was learnt.",
  source: "section 2 and table 5a",
  rows: () => [
    { name: "untrained", untrained: true, repeated: true, paper: 1.4 },
    // No weight moves by more than 1e-25, but batch normalisation gets to know the images.
    {
      name: "untrained, calibrated",
      options: { tau: 1, lr: 1e-30, steps: 60 },
      repeated: true,
    },
    { name: "fixed target (τ = 1)", options: { tau: 1 }, repeated: true, paper: 18.8 },
    { name: "moving average", baseline: true, paper: 72.5 },
  ],
};
