/**
 * Whether a run has collapsed: whether its projections have become one point, which the loss cannot tell.
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
  /** Readings in a row that are as a collapsed run has them. */
  suspect: number;
  collapse: Collapse | null;
}

/** A run of which nothing is known. */
export const HEALTHY: HealthState = { suspect: 0, collapse: null };

/** Below this part of the even spread 1/√D the projections are taken for one point. */
export const SPREAD = 0.1;
/** Readings in a row, one a step, that make it certain. */
export const PATIENCE = 50;

/** What is known after one more reading. The first collapse stays, whatever follows. */
export function nextHealth(state: HealthState, reading: HealthReading, D: number): HealthState {
  const { step, zStd, loss } = reading;
  const suspect = zStd * Math.sqrt(D) < SPREAD ? state.suspect + 1 : 0;
  if (state.collapse || suspect < PATIENCE) return { ...state, suspect };
  const part = (100 * zStd * Math.sqrt(D)).toPrecision(2);
  const evidence = `z_std is ${zStd.toPrecision(3)}, ${part} % of 1/√${D}, and has been below ${
    100 * SPREAD
  } % of it for ${suspect} steps; loss ${loss.toPrecision(3)}`;
  return { suspect, collapse: { step, evidence } };
}
