/**
 * The pictures of an evaluation: its confusion matrix, and maps of the test features.
 *
 * A program passes these to {@linkcode evaluate}, which does not import the plotting libraries itself.
 *
 * @module
 */
import { confusionPlot } from "../plots/confusion_plot.ts";
import { featureMaps } from "./feature_maps.ts";
import type { EvaluatedFeatures } from "./types.ts";

/** Draws confusion.svg, unless there are too many classes to read. */
export function drawConfusion({ report }: Pick<EvaluatedFeatures, "report">): Record<string, string> {
  const { rows, classes, counts } = report, { confusion, linear } = rows[rows.length - 1];
  if (!confusion) return {};
  const by = linear ? "a linear classifier" : `kNN, k = ${Object.keys(rows[0].knn)[0]}`;
  const title = `Trained encoder, ${by}: ${counts.test} test images`;
  return { "confusion.svg": confusionPlot(confusion, { classes, title }) };
}

/** Draws confusion.svg, and maps of each encoder's features: map_pca.svg, map_umap.svg, the same …_untrained.svg. */
export function drawEvaluation({ report, features }: EvaluatedFeatures): Record<string, string> {
  const pictures = drawConfusion({ report });
  const { classes, settings: { seed } } = report;
  for (const [name, suffix] of [["trained", ""], ["untrained", "_untrained"]] as const) {
    const samples = features.get(name);
    if (!samples) continue;
    const maps = featureMaps(samples, { classes, seed, what: `the ${name} encoder's features` });
    for (const [kind, svg] of Object.entries(maps)) pictures[`map_${kind}${suffix}.svg`] = svg;
  }
  return pictures;
}
