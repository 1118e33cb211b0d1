/**
 * Whether a run has collapsed: whether its projections have become one point.
 *
 * What tells is z_std, the standard deviation of the normalised projections over the batch, beside 1/√D, which it has when
 * they are spread evenly. Healthy runs begin near .7 of that, may sink to a quarter in the first dozens of steps, and come
 * back; collapsing ones are below a tenth after some dozens of steps, and stay. The loss does not tell: it is low in either
 * case, and 0 where both views are equal. Nor does z_std tell of projections that fill a line or a plane: their effective
 * rank does, which is measured at evaluations.
 *
 * @module
 */

/** What a run shows of a step. */
export interface HealthReading {
  /** Steps done, 1 for the first. */
  step: number;
  /** Standard deviation of the normalised projections, averaged over their D dimensions. */
  zStd: number;
  loss: number;
}

/** A collapse: the step at which it is certain, and what tells. */
export interface Collapse {
  step: number;
  evidence: string;
}

/** What is to be remembered of the readings so far; JSON can hold it. */
export interface HealthState {
  /** Readings in a row that are as a collapsed run has them, and the smallest spread among them. */
  suspect: number;
  least: number;
  collapse: Collapse | null;
}

/** A run of which nothing is known. */
export const HEALTHY: HealthState = { suspect: 0, least: 1, collapse: null };

/** Below this part of 1/√D projections are taken for one point. */
const SPREAD = 0.1;
/** So many readings in a row, one a step, make it certain. */
const PATIENCE = 50;
/** Where the spread is so many times what it was at its least, the run is coming back, and the count begins anew. */
const RECOVERY = 2;

/** What is known after one more reading of projections of `D` dimensions. The first collapse stays, whatever follows. */
export function nextHealth(
  { suspect: before, least: lowest, collapse }: HealthState,
  { step, zStd, loss }: HealthReading,
  D: number,
): HealthState {
  const spread = zStd * Math.sqrt(D);
  if (!(spread < SPREAD)) return { ...HEALTHY, collapse };
  const suspect = before + 1, least = Math.min(lowest, spread);
  // Coming back: it has as long again to go on doing so.
  if (spread > RECOVERY * least) return { suspect: 1, least: spread, collapse };
  if (collapse || suspect < PATIENCE) return { suspect, least, collapse };
  const evidence = `z_std is ${zStd.toPrecision(2)}, ${(100 * spread).toPrecision(2)} % of the ${
    (1 / Math.sqrt(D)).toPrecision(2)
  } of an even spread, and was below ${100 * SPREAD} % of it for ${suspect} steps, at a loss of ${
    loss.toPrecision(2)
  }`;
  return { suspect, least, collapse: { step, evidence } };
}
