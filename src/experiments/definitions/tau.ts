import type { Experiment, Row, Scale } from "../experiment.ts";

/** Top-1 in the paper by τ. */
const paper: Record<string, number> = { "1": 18.8, "0.999": 69.8, "0.99": 72.5, "0.9": 68.4, "0": 0.3 };

/** The values of the paper, and the scale's own, which differs from the paper's .99 in short runs. */
function rows({ options }: Scale): Row[] {
  const values = [...new Set([1, .999, .99, options.tau!, .9, 0])].sort((a, b) => b - a);
  return values.map((tau) => ({
    name: `τ = ${tau}`,
    // With the cosine schedule τ = 0 would rise to 1.
    options: tau === 0 ? { target: "none" } : { tau },
    paper: paper[tau],
    ...(tau === options.tau && { baseline: true }),
    // Shared with fixed-target, which has several seeds.
    ...(tau === 1 && { repeated: true }),
  }));
}

export const tau: Experiment = {
  name: "tau",
  title: "Decay rate of the target network",
  varies: "decay rate",
  about:
    "The target is a moving average of the online network, ξ ← τξ + (1 − τ)θ. If it never moves (τ = 1), the network " +
    "learns little; if it is a copy (τ = 0), it collapses: the paper reports 0.3 %. Between 0.9 and 0.999 it works.",
  source: "table 5a",
  rows,
};
