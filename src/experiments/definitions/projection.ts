import type { Experiment } from "../experiment.ts";

export const projection: Experiment = {
  name: "projection",
  title: "Width of the projection",
  varies: "dimensions",
  about:
    "The paper compares predictions in 256 dimensions. Their number hardly matters as long as there are enough: from " +
    "512 down to 64, top-1 changes by less than half a point.",
  source: "table 14b",
  rows: ({ projections, options }) =>
    projections.map((projection) => ({
      name: String(projection),
      options: { projection },
      paper: { 16: 69.9, 32: 71.3, 64: 72.2, 128: 72.5, 256: 72.5, 512: 72.6 }[projection],
      ...(projection === options.projection && { baseline: true }),
    })),
};
