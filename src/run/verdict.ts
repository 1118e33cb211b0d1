/**
 * Whether a run still learns, judged without labels from its evaluations. What the figures tell, and what they do not, was
 * measured beside kNN: docs/verdict.md.
 *
 * @module
 */
import type { EvaluationRecord, Verdict } from "../config/callbacks.ts";
import { LOW_SPREAD } from "./collapse.ts";

/** What a verdict goes by. */
export type Signals = Pick<EvaluationRecord, "step" | "zStd" | "rankmeProjections" | "neighborStability">;

/** Projections of a lower effective rank fill only a line. */
const LOW_RANK = 1.5;
/** Evaluations in which a trend is looked for. */
const TREND = 4;
/** A trend is as many standard errors from none; a fall of z_std is a trend only if it takes a quarter. */
const CERTAIN = 2, FALL = 0.25;
/** Neighbors of which so many stay from one evaluation to the next hardly change; twice, as one may be chance. */
const STABLE = 0.85;

/**
 * The verdict on `latest`, which follows the evaluations `history`, of a run whose projections have `D` dimensions, and the
 * step since which it holds at least; null if there is too little to compare.
 */
export function judge(
  latest: Signals,
  history: readonly Signals[],
  D: number,
): { verdict: Verdict; since: number } | null {
  const { step, neighborStability: kept } = latest, before = history.at(-1);
  // In its first steps a run that learns may look like it, once.
  if (before && isNarrow(before, D) && isNarrow(latest, D)) {
    return { verdict: "collapsed", since: before.step };
  }
  const recent = [...history, latest].slice(-TREND);
  if (recent.length === TREND && isFalling(recent.map(({ zStd }) => Math.log(zStd)))) {
    return { verdict: "degrading", since: recent[0].step };
  }
  const keptBefore = before?.neighborStability ?? null;
  if (!before || kept === null || keptBefore === null) return null;
  const isFlat = kept >= STABLE && keptBefore >= STABLE;
  return isFlat ? { verdict: "flat", since: before.step } : { verdict: "changing", since: step };
}

/** Whether all projections are about one point, or on one line. */
function isNarrow({ zStd, rankmeProjections }: Signals, D: number): boolean {
  return zStd * Math.sqrt(D) < LOW_SPREAD || rankmeProjections < LOW_RANK;
}

/** Whether logarithms fall by more than {@linkcode FALL} along a line, beyond the noise about it. */
function isFalling(values: readonly number[]): boolean {
  const { slope, error } = lineThrough(values);
  return slope < -CERTAIN * error && slope * (values.length - 1) < Math.log(1 - FALL);
}

/** The slope of the least-squares line through equally spaced `values`, with its standard error. */
function lineThrough(values: readonly number[]): { slope: number; error: number } {
  const n = values.length, center = (n - 1) / 2, mean = values.reduce((sum, y) => sum + y, 0) / n;
  const spread = values.reduce((sum, _, i) => sum + (i - center) ** 2, 0);
  const slope = values.reduce((sum, y, i) => sum + (i - center) * (y - mean), 0) / spread;
  const rest = values.reduce((sum, y, i) => sum + (y - mean - slope * (i - center)) ** 2, 0);
  return { slope, error: Math.sqrt(rest / (n - 2) / spread) };
}
