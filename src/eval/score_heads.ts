/**
 * Scores linear classifiers on samples with labels.
 *
 * @module
 */
import type { Gpu } from "../gpu/device.ts";
import { Memory, roundUp, type Store } from "../gpu/memory.ts";
import { deviceProfileOf, type KernelChooser } from "../graph/kernel_choice.ts";
import { Program } from "../graph/program.ts";
import { Tape } from "../graph/tape.ts";
import { originOf, tensorIn } from "../graph/tensor.ts";
import { addInto } from "../ops/add.ts";
import { IMAGES_PER_READ, type LabeledFeatures } from "./features.ts";
import { scoredAtOnce } from "./head_sizes.ts";
import { createHeads, type HeadWeights, logitsOf } from "./heads.ts";
import { copyRow, type Standard } from "./standardize.ts";

/** Accuracies of a classifier, 0 … 1, and its predictions. */
export interface Scores {
  top1: number;
  /** Null with five classes or fewer, where it would always be 1. */
  top5: number | null;
  /** The predicted class of each sample; −1 for samples without a label. */
  predictions: Int32Array<ArrayBuffer>;
}

/** The scores of each classifier on the labeled samples. */
export async function scoreHeads(
  gpu: Gpu,
  { weights, samples, standard, chooser }: {
    weights: HeadWeights;
    samples: LabeledFeatures;
    /** How the features were standardized that the classifiers learned from. */
    standard?: Standard;
    chooser?: KernelChooser;
  },
): Promise<Scores[]> {
  const { labels, dims } = samples, { classes, rates } = weights, G = rates.length;
  const wanted = Math.min(IMAGES_PER_READ, labels.length), D = roundUp(dims, 4);
  const rows = scoredAtOnce(gpu, { wanted, columns: G * roundUp(classes, 4) });
  using memory = new Memory(gpu);
  const tape = new Tape(deviceProfileOf(gpu, chooser), { training: false, views: 1, add: addInto });
  const heads = createHeads(weights), K = heads.columns;
  const x: Store = { name: "features", category: "input", bytes: rows * D * 4 };
  const logits = tape.noGrad(() => logitsOf(tape, { heads, features: tensorIn(x, { shape: [rows, D] }) }));
  using program = new Program(memory, { dispatches: tape.dispatches, keep: [logits] });
  for (const [tensor, values] of [[heads.weight, weights.weight], [heads.bias, weights.bias]] as const) {
    memory.write(tensor.region!.store, values, tensor.region!.offset);
  }
  const right = rates.map(() => ({ top1: 0, top5: 0, predictions: new Int32Array(labels.length).fill(-1) }));
  for (let first = 0; first < labels.length; first += rows) {
    const n = Math.min(rows, labels.length - first), block = new Float32Array(rows * D);
    for (let i = 0; i < n; i++) copyRow(block, i * D, { samples, row: first + i, standard });
    memory.write(x, block);
    program.run();
    const values = await memory.read(originOf(logits).region!);
    for (let i = 0; i < n; i++) {
      if (labels[first + i] < 0) continue;
      right.forEach((score, g) => {
        const row = values.subarray((i * G + g) * K, (i * G + g) * K + classes);
        score.predictions[first + i] = largestOf(row);
        const rank = rankOf(row, labels[first + i]);
        if (rank < 1) score.top1++;
        if (rank < 5) score.top5++;
      });
    }
  }
  const count = labels.reduce((sum, label) => sum + (label >= 0 ? 1 : 0), 0);
  return right.map(({ top1, top5, predictions }) => ({
    top1: top1 / count,
    top5: classes > 5 ? top5 / count : null,
    predictions,
  }));
}

/** The index of the largest value, the first of equal ones; 0 if all are NaN. */
function largestOf(row: Float32Array): number {
  let best = 0;
  row.forEach((value, k) => {
    if (value > row[best] || Number.isNaN(row[best])) best = k;
  });
  return best;
}

/** How many classes score higher than `label`, or equal and come first; all of them if its score is NaN. */
function rankOf(row: Float32Array, label: number): number {
  const own = row[label];
  if (Number.isNaN(own)) return row.length;
  return row.reduce((rank, value, k) => rank + (value > own || value === own && k < label ? 1 : 0), 0);
}
