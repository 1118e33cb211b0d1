/**
 * Maps of features: principal components, and UMAP (McInnes et al. 2018).
 *
 * @module
 */
import { UMAP } from "npm:umap-js@1.4.0";
import { keyedRandom } from "../base/random.ts";
import { scatterPlot } from "../plots/scatter_plot.ts";
import { type LabeledFeatures, rowsOf } from "./features.ts";
import { principalComponents } from "./spectrum.ts";

/** Samples of a map at most, the first ones: more would cover each other, and UMAP would take minutes. */
const MAX_SAMPLES = 2000;
/** Neighbors that UMAP keeps together, its default. */
const NEIGHBORS = 15;
const MAP_KEY = 2 ** 42;

/** Both maps as SVG. Same features and seed, same maps. */
export function featureMaps(
  all: LabeledFeatures,
  { classes, seed, what }: { classes: readonly string[]; seed: number; what: string },
): { pca: string; umap: string } {
  const n = Math.min(all.labels.length, MAX_SAMPLES);
  const samples = rowsOf(all, Array.from({ length: n }, (_, i) => i)), { labels } = samples;
  const { scores, shares } = principalComponents(samples, 2);
  const axis = (i: number) =>
    `principal component ${i + 1} (${(100 * shares[i]).toFixed(1)} % of the variance)`;
  return {
    pca: scatterPlot({
      title: `Principal components of ${what}, ${n} test images`,
      axes: [axis(0), axis(1)],
      points: scores,
      labels,
      classes,
    }),
    umap: scatterPlot({
      title: `UMAP of ${what}, ${n} test images`,
      axes: ["UMAP 1 (no unit; only neighborhoods have a meaning)", "UMAP 2 (no unit)"],
      points: umap(samples, seed),
      labels,
      classes,
    }),
  };
}

/** Coordinates [n, 2] that keep neighbors by cosine together. */
function umap({ features, dims, labels }: LabeledFeatures, seed: number): Float64Array {
  const rows = Array.from(labels, (_, i) => {
    const row = Array.from(features.subarray(i * dims, (i + 1) * dims)), length = Math.hypot(...row) || 1;
    return row.map((value) => value / length);
  });
  // It needs more samples than neighbors.
  if (rows.length < 4) return Float64Array.from(rows.flatMap((_, i) => [i, 0]));
  const { uniform } = keyedRandom(seed, MAP_KEY);
  const nNeighbors = Math.min(NEIGHBORS, rows.length - 1);
  return Float64Array.from(new UMAP({ nComponents: 2, nNeighbors, random: uniform }).fit(rows).flat());
}
