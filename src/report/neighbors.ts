/**
 * The images that an encoder takes for alike.
 *
 * @module
 */
import type { LabeledFeatures } from "../eval/features.ts";

/** An image with those whose features are nearest; images are rows of the features. */
export interface NeighborStrip {
  image: number;
  /** The nearest first; of equal ones the first row. */
  nearest: number[];
  /** Their cosines to the image; 0 for features of length 0. */
  cosines: number[];
}

/** Up to `count` of `n` rows, evenly spread: sources may be sorted by class. */
export function spread(n: number, count: number): number[] {
  const length = Math.min(n, count);
  return Array.from({ length }, (_, i) => Math.floor((i + 0.5) * n / length));
}

/** The `count` nearest rows by cosine to each of `images` rows, spread evenly; never the row itself. */
export function neighborStrips(
  { features, dims }: Pick<LabeledFeatures, "features" | "dims">,
  { images = 10, count = 8 }: { images?: number; count?: number } = {},
): NeighborStrip[] {
  const rows = features.length / dims;
  const dot = (a: number, b: number) => {
    let sum = 0;
    for (let d = 0; d < dims; d++) sum += features[a * dims + d] * features[b * dims + d];
    return sum;
  };
  const lengths = Float64Array.from({ length: rows }, (_, row) => Math.sqrt(dot(row, row)));
  return spread(rows, images).map((image) => {
    const cosines = Float64Array.from({ length: rows }, (_, other) => {
      const product = lengths[image] * lengths[other];
      return product > 0 ? dot(image, other) / product : 0;
    });
    const others = [...cosines.keys()].filter((other) => other !== image);
    const nearest = others.sort((a, b) => cosines[b] - cosines[a] || a - b).slice(0, count);
    return { image, nearest, cosines: nearest.map((other) => cosines[other]) };
  });
}
