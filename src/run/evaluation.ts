/**
 * The evaluations of a run, on the samples that it holds out: before the first step, during training, and at its end.
 *
 * @module
 */
import { type BatchOptions, evaluationBatches, type Views } from "../../data/pipeline.ts";
import type { Recipe } from "../../data/views/recipe.ts";
import type { Trainer } from "../byol/trainer.ts";
import type { ResolvedOptions } from "../config/train_defaults.ts";
import { encoderKnn, rawPixelKnn } from "../eval/knn_accuracy.ts";
import { collectFeatures, createFeatureExtractor, type LabeledFeatures } from "../eval/features.ts";
import { defaultK, knnAccuracy } from "../eval/knn.ts";
import { scoreHeads } from "../eval/score_heads.ts";
import type { OnlineProbe } from "../eval/online_probe.ts";
import { rankMe } from "../eval/spectrum.ts";
import type { Gpu } from "../gpu/device.ts";
import type { KernelChooser } from "../graph/kernel_choice.ts";
import { evaluationRows, loadingOf } from "./setup.ts";
import type { Split } from "../eval/split.ts";

/** A line of evaluations.jsonl. */
export interface EvaluationRecord {
  /** Steps done. */
  step: number;
  /** Epochs done. */
  epoch: number;
  /** kNN accuracy of the features of held-out samples, 0 … 1; null without labels on both sides. */
  knn: number | null;
  /** Accuracy there of the linear classifier that learns beside the encoder; null if there is none. */
  probe: number | null;
  /** RankMe, the effective rank, of these samples' features. */
  rankme: number;
  /** The same of their projections. */
  rankme_projections: number;
}

/** Samples that vote in kNN at the most: of more, the first. */
const MOST_REFERENCES = 50_000;
/**
 * During training fewer must do: an image of an evaluation takes a pass, one of a training step eight. With a tenth of the
 * samples for references an evaluation in each epoch takes about 2 % of the time.
 */
const ONLINE = { share: 0.1, references: [200, 5000], queries: 2000 } as const;

/** What evaluations are made of. */
export interface RunEvaluationOptions {
  gpu: Gpu;
  options: ResolvedOptions;
  recipe: Recipe;
  trainer: Trainer;
  split: Split;
  /** How images are read: that of the training. */
  pipeline: Omit<BatchOptions, "first" | "limit" | "batch">;
  chooser?: KernelChooser;
  probe: OnlineProbe | null;
  signal?: AbortSignal;
}

/** Evaluates the networks of a trainer as they are at the time. */
export class RunEvaluation {
  readonly #of: RunEvaluationOptions;
  /** The samples that vote, and those that are held out. */
  readonly #part: { first: number; limit: number };
  readonly #heldOut: { first: number; limit: number };

  constructor(of: RunEvaluationOptions) {
    const { train, holdout } = of.split;
    this.#of = of;
    this.#part = { first: 0, limit: Math.min(train ?? 0, MOST_REFERENCES) };
    this.#heldOut = { first: train ?? 0, limit: holdout };
  }

  /** kNN accuracy of the online encoder; null without labels. Ends by the signal's reason if that is aborted. */
  async encoderAccuracy(): Promise<number | null> {
    const { gpu, options, recipe, trainer, chooser, signal } = this.#of;
    return await encoderKnn(gpu, {
      batch: evaluationRows(options),
      size: options.size,
      signal,
      references: () => this.#images(this.#part),
      queries: () => this.#images(this.#heldOut),
      loading: loadingOf(options, recipe),
      chooser,
      memory: trainer.memory,
      encoder: trainer.networks.online.encoder,
    });
  }

  /** kNN accuracy of raw pixels, likewise. */
  async pixelAccuracy(): Promise<number | null> {
    const { gpu, options, pipeline, signal } = this.#of, batch = evaluationRows(options);
    const views = (span: { first: number; limit: number }) =>
      evaluationBatches({ ...pipeline, ...span, batch });
    return await rawPixelKnn(gpu, {
      batch,
      size: options.size,
      signal,
      references: () => views(this.#part),
      queries: () => views(this.#heldOut),
    });
  }

  /** What is known of the encoder after `step` steps, from a part of the samples; not to be interrupted. */
  async online({ step, epoch }: { step: number; epoch: number }): Promise<EvaluationRecord> {
    const { gpu, options, recipe, trainer, chooser, probe } = this.#of,
      { encoder, projector } = trainer.networks.online;
    using extractor = createFeatureExtractor(trainer.memory, {
      encoder,
      projector,
      batch: evaluationRows(options),
      size: options.size,
      loading: loadingOf(options, recipe),
      chooser,
    });
    const queries = await collectFeatures(
      this.#images({ ...this.#heldOut, limit: Math.min(this.#heldOut.limit, ONLINE.queries) }),
      {
        maker: {
          add: (images, n) => extractor.add(images, n, { project: true }),
          take: () => extractor.take(),
        },
      },
    );
    const projections = await extractor.takeProjections();
    const [least, most] = ONLINE.references;
    const limit = Math.min(
      this.#part.limit,
      Math.max(least, Math.min(most, Math.floor(ONLINE.share * this.#part.limit))),
    );
    const references = await collectFeatures(this.#images({ ...this.#part, limit }), { maker: extractor });
    const voting = labelled(references), asked = labelled(queries);
    const weights = asked && probe ? await probe.weights(trainer.memory) : null;
    return {
      step,
      epoch,
      knn: voting && asked ? await knnAccuracy(gpu, { references, queries, k: defaultK(voting) }) : null,
      probe: weights ? (await scoreHeads(gpu, { weights, samples: queries }))[0].top1 : null,
      rankme: rankMe(queries),
      rankme_projections: rankMe({ features: projections, dims: options.projection }),
    };
  }

  #images(span: { first: number; limit: number }) {
    const { options, pipeline } = this.#of;
    const { augment } = options;
    return evaluationBatches<Views>({ ...pipeline, ...span, augment, batch: evaluationRows(options) });
  }
}

function labelled({ labels }: LabeledFeatures): number {
  return labels.reduce((count, label) => count + (label >= 0 ? 1 : 0), 0);
}
