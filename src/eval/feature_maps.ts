/**
 * Maps of features: principal components, and UMAP (McInnes et al. 2018).
 *
 * @module
 */
import { UMAP } from "npm:umap-js@1.4.0";
import type { LabelledFeatures } from "./features.ts";
import { rowsOf } from "./linear.ts";
import { principalComponents } from "./spectrum.ts";
import { keyedRandom } from "../base/random.ts";
import { scatterSvg } from "../plots/scatter_svg.ts";

/** Of more samples the first are drawn: the marks would lie upon each other, and UMAP take minutes. */
const MOST = 2000;
/** Neighbours that UMAP keeps together: its usual number. */
const NEIGHBOURS = 15;
const MAP_KEY = 2 ** 42;

/** Both maps as SVG, by the names of their files. Same features and seed, same maps. */
export function featureMaps(
  all: LabelledFeatures,
  { classes, seed, what }: { classes: readonly string[]; seed: number; what: string },
): Record<"map_pca.svg" | "map_umap.svg", string> {
  const n = Math.min(all.labels.length, MOST), samples = rowsOf(all, Array.from({ length: n }, (_, i) => i));
  const { labels } = samples;
  const { scores, shares } = principalComponents(samples, 2);
  const axis = (i: number) =>
    `principal component ${i + 1} (${(100 * shares[i]).toFixed(1)} % of the variance)`;
  return {
    "map_pca.svg": scatterSvg({
      title: `Principal components of ${what}, ${n} test images`,
      axes: [axis(0), axis(1)],
      points: scores,
      labels,
      classes,
    }),
    "map_umap.svg": scatterSvg({
      title: `UMAP of ${what}, ${n} test images`,
      axes: ["UMAP 1 (no unit; only neighbourhoods mean something)", "UMAP 2 (no unit)"],
      points: umap(samples, seed),
      labels,
      classes,
    }),
  };
}

/** Positions [n, 2] that keep neighbours by cosine together. */
function umap({ features, dims, labels }: LabelledFeatures, seed: number): Float64Array {
  const rows = Array.from(labels, (_, i) => {
    const row = Array.from(features.subarray(i * dims, (i + 1) * dims)), length = Math.hypot(...row) || 1;
    return row.map((value) => value / length);
  });
  // It needs more samples than neighbours.
  if (rows.length < 4) return Float64Array.from(rows.flatMap((_, i) => [i, 0]));
  const { uniform } = keyedRandom(seed, MAP_KEY);
  const nNeighbors = Math.min(NEIGHBOURS, rows.length - 1);
  return Float64Array.from(new UMAP({ nComponents: 2, nNeighbors, random: uniform }).fit(rows).flat());
}
