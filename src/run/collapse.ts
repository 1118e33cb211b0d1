/**
 * Detects whether a run has collapsed: whether its projections have become one point.
 *
 * The measure is z_std, the standard deviation of the normalized projections over the batch, relative to 1/√D, its value
 * for an even spread. Healthy runs start near 0.7 of that, may sink to a quarter within dozens of steps, and recover;
 * collapsing ones fall below a tenth within dozens of steps and stay there. The loss is no measure: it is low in either
 * case, and 0 where both views are equal. z_std does not detect projections that fill only a line or a plane: their
 * effective rank does, which evaluations measure.
 *
 * @module
 */

/** What a run measures of a step. */
export interface CollapseReading {
  /** Steps done, 1 after the first. */
  step: number;
  /** Standard deviation of the normalized projections, averaged over their D dimensions. */
  zStd: number;
  loss: number;
}

/** A collapse. */
export interface Collapse {
  /** The step at which it is certain. */
  step: number;
  /** The measurements that show it, as a text. */
  evidence: string;
}

/** What to remember of the readings so far; a JSON value. */
export interface CollapseState {
  /** Number of low readings in a row, and the smallest spread among them. */
  suspect: number;
  least: number;
  collapse: Collapse | null;
}

/** The state before the first reading. */
export const HEALTHY: CollapseState = { suspect: 0, least: 1, collapse: null };

/** A spread below this fraction of 1/√D is low. */
export const LOW_SPREAD = 0.1;
/** This many low readings in a row, one per step, make a collapse certain. */
const CERTAIN_AFTER = 50;
/** A spread this many times the smallest one is a recovery: the count starts again. */
const RECOVERY = 2;

/** The state after one more reading of projections of `D` dimensions. The first collapse stays, whatever follows. */
export function nextCollapseState(
  { suspect: before, least: lowest, collapse }: CollapseState,
  { step, zStd, loss }: CollapseReading,
  D: number,
): CollapseState {
  const spread = zStd * Math.sqrt(D);
  if (!(spread < LOW_SPREAD)) return { ...HEALTHY, collapse };
  const suspect = before + 1, least = Math.min(lowest, spread);
  if (spread > RECOVERY * least) return { suspect: 1, least: spread, collapse };
  if (collapse || suspect < CERTAIN_AFTER) return { suspect, least, collapse };
  const evidence = `z_std is ${zStd.toPrecision(2)}, ${(100 * spread).toPrecision(2)} % of the ${
    (1 / Math.sqrt(D)).toPrecision(2)
  } of an even spread, and was below ${100 * LOW_SPREAD} % of it for ${suspect} steps, at a loss of ${
    loss.toPrecision(2)
  }`;
  return { suspect, least, collapse: { step, evidence } };
}
