import type { Experiment, Operation, Row, Series } from "../experiment.ts";

/** What is removed, with top-1 in the paper: of BYOL, and of its authors' SimCLR. */
const cases: { name: string; without: Operation[]; paper: [byol: number, simclr: number] }[] = [
  { name: "all", without: [], paper: [72.5, 67.9] },
  { name: "no blur", without: ["blur"], paper: [71.2, 65.2] },
  { name: "no jitter", without: ["jitter"], paper: [71.8, 63.7] },
  { name: "no grayscale", without: ["grayscale"], paper: [70.3, 61.9] },
  { name: "no color", without: ["jitter", "grayscale"], paper: [63.4, 45.7] },
  { name: "crop, flip", without: ["jitter", "grayscale", "blur", "solarize"], paper: [60.1, 40.2] },
  { name: "crop", without: ["flip", "jitter", "grayscale", "blur", "solarize"], paper: [59.4, 40.3] },
];

const rowsOf = (series: Series, index: 0 | 1): Row[] =>
  cases.map(({ name, without, paper }) => ({
    name,
    series,
    options: { without },
    paper: paper[index],
    ...(without.length === 0 && { baseline: true }),
    ...(name === "no color" && { repeated: true }),
  }));

export const augmentations: Experiment = {
  name: "augmentations",
  title: "Removing augmentations",
  varies: "augmentations",
  about:
    "Two crops of one image have nearly the same colors. A contrastive method can tell images apart by color histograms " +
    "alone, unless colors are changed at random; BYOL has less incentive to. Without color jitter and grayscale the " +
    "paper's SimCLR loses 22.2 points and BYOL 9.1; with crops alone 27.6 and 13.1.",
  source: "figure 3b and table 17",
  rows: () => [...rowsOf("BYOL", 0), ...rowsOf("SimCLR", 1)],
};
