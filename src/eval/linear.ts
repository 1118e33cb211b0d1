/**
 * The linear protocol (paper, appendix D.1): classifiers on features of a frozen encoder. The learning rate is chosen on a
 * held-back part of the training samples; then a classifier is trained again on all of them.
 *
 * @module
 */
import { keyedRandom, permutation } from "../base/random.ts";
import type { Gpu } from "../gpu/device.ts";
import { type LabeledFeatures, rowsOf } from "./features.ts";
import type { HeadWeights } from "./heads.ts";
import { scoreHeads, type Scores } from "./score_heads.ts";

/** Learning rates to try, at the batch of `PROBE_BATCH`: the norms of features differ by orders of magnitude. */
const RATES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];
/** One in so many training samples is held back to choose the learning rate. */
const HELD_BACK = 5;
/** Key of the draw of the held-back part. */
const PART_KEY = 2 ** 41 + 1;

/** Trains classifiers with the learning rates `rates` on the given rows. */
export type Fit = (options: { rates: readonly number[]; rows: Uint32Array }) => Promise<HeadWeights>;

/** Result of the linear protocol. */
export interface LinearResult extends Scores {
  /** The learning rate that was chosen. */
  lr: number;
  /** Top-1 accuracy of each learning rate on the held-back samples. */
  sweep: { lr: number; top1: number }[];
}

/**
 * Chooses the learning rate by training on four fifths of `train` and testing on the rest, the lowest of equally good ones.
 * Then trains on all of `train` and scores on `test`. Samples without a label are left out.
 */
export async function linearProtocol(
  gpu: Gpu,
  { train, test, fit, rates = RATES, atOnce = rates.length, seed }: {
    train: LabeledFeatures;
    test: LabeledFeatures;
    fit: Fit;
    rates?: readonly number[];
    /** How many rates are tried side by side. */
    atOnce?: number;
    seed: number;
  },
): Promise<LinearResult> {
  const labeled = Uint32Array.from(train.labels.keys()).filter((i) => train.labels[i] >= 0);
  const shuffled = permutation(labeled.length, keyedRandom(seed, PART_KEY)).map((i) => labeled[i]);
  const held = Math.floor(labeled.length / HELD_BACK);
  let best = 0;
  const sweep: LinearResult["sweep"] = [];
  if (rates.length > 1 && held > 0) {
    const samples = rowsOf(train, shuffled.subarray(0, held));
    for (let first = 0; first < rates.length; first += atOnce) {
      const weights = await fit({
        rates: rates.slice(first, first + atOnce),
        rows: shuffled.subarray(held),
      });
      for (const { top1 } of await scoreHeads(gpu, { weights, samples })) {
        sweep.push({ lr: rates[sweep.length], top1 });
      }
    }
    sweep.forEach(({ top1 }, i) => {
      if (top1 > sweep[best].top1) best = i;
    });
  }
  const weights = await fit({ rates: [rates[best]], rows: labeled });
  const [scores] = await scoreHeads(gpu, { weights, samples: test });
  return { ...scores, lr: rates[best], sweep };
}
