/**
 * What an encoder makes of held-out images, for the run's page: their nearest neighbors, and a map.
 *
 * @module
 */
import { type LabeledFeatures, rowsOf } from "../eval/features.ts";
import { neighborStrips, spread } from "./neighbors.ts";
import type { ObservedEvaluation } from "./observer.ts";
import type { ShownEncoder } from "./report_files.ts";

/** Images on the page at most: their pictures of 64 pixels take about half a megabyte. */
const MAX_SHOWN = 512;

/** The rows of `n` that the page shows, evenly spread: sources may be sorted by class. */
export function shownRows(n: number): number[] {
  return spread(n, MAX_SHOWN);
}

/** What the encoder of an evaluation makes of the images in the rows `shown`. */
export function shownEncoder({ step, heldOut }: ObservedEvaluation, shown: readonly number[]): ShownEncoder {
  const features = rowsOf(heldOut, shown);
  const neighbors = neighborStrips(features).map(({ cosines, ...strip }) => ({
    ...strip,
    cosines: cosines.map(rounded),
  }));
  return { step, neighbors, map: plane(features) };
}

const rounded = (value: number) => Number.isFinite(value) ? Number(value.toPrecision(5)) : 0;

/** Rounds of power iteration at most, and the change of direction at which it ends: a picture needs few digits. */
const ROUNDS = 40, SETTLED = 1e-8;

/**
 * The samples on the plane of their first two principal components. By power iteration, in a small part of the time that a
 * whole decomposition takes: this runs while training waits.
 */
function plane({ features, dims }: LabeledFeatures): ShownEncoder["map"] {
  const n = features.length / dims, centered = Float64Array.from(features);
  for (let d = 0; d < dims; d++) {
    let mean = 0;
    for (let i = 0; i < n; i++) mean += centered[i * dims + d] / n;
    for (let i = 0; i < n; i++) centered[i * dims + d] -= mean;
  }
  const squares = (rows: Float64Array) => rows.reduce((sum, value) => sum + value * value, 0);
  const total = squares(centered), axes = [0, 1].map(() => takeComponent(centered, dims));
  const [x, y] = axes.map((axis) => Array.from(axis, rounded));
  return { x, y, shares: axes.map((axis) => rounded(total > 0 ? squares(axis) / total : 0)) };
}

/** The coordinates of `rows` along their first principal component, which is then taken out of them. */
function takeComponent(rows: Float64Array, dims: number): Float64Array {
  const n = rows.length / dims, scores = new Float64Array(n), axis = new Float64Array(dims);
  // The dimensions' own spreads: a start that is rarely far off, and the same every time.
  for (let at = 0; at < rows.length; at++) axis[at % dims] += rows[at] ** 2;
  let unit = axis;
  for (let round = 0; round < ROUNDS; round++) {
    const length = Math.hypot(...axis), before = unit;
    if (!(length > 0)) return scores.fill(0);
    unit = axis.map((value) => value / length);
    for (let i = 0; i < n; i++) {
      scores[i] = 0;
      for (let d = 0; d < dims; d++) scores[i] += rows[i * dims + d] * unit[d];
    }
    if (round > 0 && 1 - unit.reduce((sum, value, d) => sum + value * before[d], 0) < SETTLED) break;
    axis.fill(0);
    for (let i = 0; i < n; i++) {
      for (let d = 0; d < dims; d++) axis[d] += rows[i * dims + d] * scores[i];
    }
  }
  for (let i = 0; i < n; i++) {
    for (let d = 0; d < dims; d++) rows[i * dims + d] -= scores[i] * unit[d];
  }
  return scores;
}
