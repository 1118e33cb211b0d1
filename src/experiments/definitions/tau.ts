import type { Experiment, Row, Scale } from "../experiment.ts";

/** Top-1 in the paper by τ. */
const paper: Record<string, number> = { "1": 18.8, "0.999": 69.8, "0.99": 72.5, "0.9": 68.4, "0": 0.3 };

/** The baseline of a short run has another τ than the paper's .99: it stands among the others. */
function rows({ options }: Scale): Row[] {
  const values = [...new Set([1, .999, .99, options.tau!, .9, 0])].sort((a, b) => b - a);
  return values.map((tau) => ({
    name: `τ = ${tau}`,
    // Which follows at once and always, while the cosine would lead τ from 0 to 1.
    options: tau === 0 ? { target: "none" } : { tau },
    paper: paper[tau],
    ...(tau === options.tau && { baseline: true }),
    // The run of fixed-target, which has more seeds.
    ...(tau === 1 && { repeated: true }),
  }));
}

export const tau: Experiment = {
  name: "tau",
  title: "How fast the target follows",
  varies: "decay rate",
  about:
    "The target is a moving average of the online network, ξ ← τξ + (1 − τ)θ. If it never moves (τ = 1) the network " +
    "learns little, if it follows at once (τ = 0) it collapses: the paper reports 0.3 %. Between .9 and .999 it works.",
  source: "table 5a",
  rows,
};
