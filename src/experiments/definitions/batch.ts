import type { Experiment, Row, Scale, Series } from "../experiment.ts";

/** Top-1 in the paper by batch size: of BYOL, and of its authors' SimCLR. */
const paper = new Map([
  [4096, [72.5, 67.9]],
  [2048, [72.4, 67.8]],
  [1024, [72.2, 67.4]],
  [512, [72.2, 66.5]],
  [256, [71.8, 64.3]],
  [128, [69.6, 63.6]],
  [64, [59.7, 59.2]],
]);

/** `lr`, which is for updates from `base` samples, scaled to updates from `samples`. */
const rateFor = (samples: number, lr: number, base: number) => Number((lr * samples / base).toPrecision(6));

/** Updates average over `total` samples in batches of `batch`: negatives and statistics are those of the batch. */
const averaged = (
  series: Series,
  index: 0 | 1,
  { batches: { total, parts }, options, simclr }: Scale,
): Row[] => {
  const lr = rateFor(total, (series === "SimCLR" ? simclr.lr : undefined) ?? options.lr!, options.batch!);
  return parts.map((batch) => ({
    name: String(batch),
    series,
    // The scale's own batch changes nothing, so that its runs are those of the other experiments.
    options: batch === options.batch && batch === total ? {} : { batch, accumulate: total / batch, lr },
    paper: paper.get(batch)?.[index],
    ...(batch === total && { baseline: true }),
    ...(batch === parts.at(-1) && { repeated: true }),
  }));
};

/** Every batch is an update, with a learning rate proportional to its size. */
const plain = (series: Series, { batches: { total, plain }, options, simclr }: Scale): Row[] => {
  const lr = (series === "SimCLR, plain" ? simclr.lr : undefined) ?? options.lr!;
  return plain.map((batch) => ({
    name: String(batch),
    series,
    options: { batch, lr: rateFor(batch, lr, options.batch!) },
    ...(batch === total && { baseline: true }),
  }));
};

export const batch: Experiment = {
  name: "batch",
  title: "Smaller batches",
  varies: "batch size",
  about:
    "A contrastive method takes its negatives from the batch, BYOL only the statistics of batch normalization. As in " +
    "the paper, gradients are averaged over consecutive batches, so that every update sees the same number of images. " +
    "From 4096 to 256 images the paper's BYOL loses 0.7 points and SimCLR 3.6; at 64 both lose much.",
  source: "figure 3a and table 16",
  rows: (scale) => [
    ...averaged("BYOL", 0, scale),
    ...averaged("SimCLR", 1, scale),
    ...plain("BYOL, plain", scale),
    ...plain("SimCLR, plain", scale),
  ],
  paperRows: [...paper].flatMap(([batch, [byol, simclr]]) => [
    { name: String(batch), paper: byol },
    { name: String(batch), series: "SimCLR", paper: simclr },
  ]),
};
