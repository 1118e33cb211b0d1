/**
 * The linear protocol (paper, appendix D.1): classifiers on features of a frozen encoder. The features are
 * standardized, the learning rate is chosen on held-back training samples; then a classifier is trained again on all of them.
 *
 * @module
 */
import { keyedRandom, permutation } from "../base/random.ts";
import type { Gpu } from "../gpu/device.ts";
import { type LabeledFeatures, rowsOf } from "./features.ts";
import { PROBE_BATCH } from "./head_sizes.ts";
import type { HeadWeights } from "./heads.ts";
import { chooseRate, type RateScore, type RateSweep } from "./rate_sweep.ts";
import { scoreHeads, type Scores } from "./score_heads.ts";
import { type Standard, standardOf } from "./standardize.ts";

/** Learning rates at the batch of `PROBE_BATCH`: those from 0.001 to 10, and others if the best is at an end. */
const RATES: RateSweep = {
  rates: [1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, .001, .003, .01, .03, .1, .3, 1, 3, 10, 30, 100, 300, 1000],
  first: 6,
  end: 15,
  more: 4,
};
/** Weight decays of standardized features, tried at the chosen rate; the penalty of the loss is decay / 2 · |W|². */
const DECAYS = [1e-5, 1e-4, 1e-3];
/** With too few samples to hold any back. */
const DEFAULT_RATE = .1;
/** One in so many training samples is held back to choose the learning rate. */
const HELD_BACK = 5;
/** With fewer samples each of these parts is held back in turn: one would have too few to tell rates apart. */
const FEW = 1000;
/** Key of the draw of the held-back part. */
const PART_KEY = 2 ** 41 + 1;

/** Epochs on features that are computed once: as many as make so many steps, within these limits. */
const CACHED_EPOCHS = { steps: 5000, least: 100, most: 400 };
/** Epochs on features of crops, which are computed in each epoch. */
const CROP_EPOCHS = 20;

/** How many epochs classifiers learn from `samples` samples by default. */
export function probeEpochsOf(samples: number, probeViews: "cached" | "crop" | "none"): number {
  if (probeViews !== "cached") return probeViews === "crop" ? CROP_EPOCHS : 0;
  const { steps, least, most } = CACHED_EPOCHS;
  const perEpoch = Math.max(1, Math.floor(samples / PROBE_BATCH));
  return Math.min(most, Math.max(least, Math.ceil(steps / perEpoch)));
}

/** Trains classifiers with the learning rates `rates` on the given rows, standardized; only a single one with a decay. */
export type Fit = (
  options: { rates: readonly number[]; decay?: number; rows: Uint32Array; standard: Standard },
) => Promise<HeadWeights>;

/** Result of the linear protocol. */
export interface LinearResult extends Scores {
  /** The learning rate that was chosen. */
  lr: number;
  /** Top-1 accuracy of each learning rate on the held-back samples. */
  sweep: RateScore[];
  /** The weight decay that was chosen. */
  decay: number;
}

/** Samples to learn from, and those held back meanwhile. */
export interface Split {
  rows: Uint32Array;
  held: Uint32Array;
}

/**
 * How learning rates are chosen on the samples `labeled`: a fifth is held back, or with few samples each fifth in turn.
 * None with fewer than five.
 */
export function heldBack(labeled: Uint32Array, { seed, few = FEW }: { seed: number; few?: number }): Split[] {
  const shuffled = permutation(labeled.length, keyedRandom(seed, PART_KEY)).map((i) => labeled[i]);
  const count = Math.floor(labeled.length / HELD_BACK);
  const parts = count === 0 ? 0 : labeled.length < few ? HELD_BACK : 1;
  return Array.from({ length: parts }, (_, part) => {
    const isHeld = (i: number) => Math.floor(i / count) === part;
    return {
      rows: shuffled.filter((_, i) => !isHeld(i)),
      held: shuffled.filter((_, i) => isHeld(i)),
    };
  });
}

/**
 * Standardizes features as those of `train` are. Chooses the learning rate on held-back samples of `train`, see
 * {@linkcode heldBack} and {@linkcode chooseRate}; then at that rate the weight decay, the lowest of equally good ones. Then
 * trains on all of `train` and scores on `test`. Samples without a label are left out.
 */
export async function linearProtocol(
  gpu: Gpu,
  { train, test, fit, rates = RATES, decays = DECAYS, atOnce = Infinity, seed }: {
    train: LabeledFeatures;
    test: LabeledFeatures;
    fit: Fit;
    rates?: RateSweep;
    decays?: readonly number[];
    /** How many rates are tried side by side. */
    atOnce?: number;
    seed: number;
  },
): Promise<LinearResult> {
  const labeled = Uint32Array.from(train.labels.keys()).filter((i) => train.labels[i] >= 0);
  const standard = standardOf(train, labeled), splits = heldBack(labeled, { seed });
  const total = splits.reduce((sum, { held }) => sum + held.length, 0);
  const scoresOf = async (rates: readonly number[], decay?: number) => {
    const right = rates.map(() => 0);
    for (const { rows, held } of splits) {
      const samples = rowsOf(train, held), weights = await fit({ rates, decay, rows, standard });
      for (const [i, { top1 }] of (await scoreHeads(gpu, { weights, samples, standard })).entries()) {
        right[i] += Math.round(top1 * held.length);
      }
    }
    return right.map((count) => count / total);
  };
  const { lr, sweep } = total === 0
    ? { lr: DEFAULT_RATE, sweep: [] }
    : await chooseRate(rates, async (tried) => {
      const scores: number[] = [];
      for (let first = 0; first < tried.length; first += atOnce) {
        scores.push(...await scoresOf(tried.slice(first, first + atOnce)));
      }
      return scores;
    });
  let decay = 0, best = Math.max(...sweep.map(({ top1 }) => top1));
  for (const tried of sweep.length > 1 ? decays : []) {
    const [top1] = await scoresOf([lr], tried);
    if (top1 > best) [decay, best] = [tried, top1];
  }
  const weights = await fit({ rates: [lr], decay, rows: labeled, standard });
  const [scores] = await scoreHeads(gpu, { weights, samples: test, standard });
  return { ...scores, lr, sweep, decay };
}
