/**
 * The evaluations of a run on its held-out images: before the first step, during training, and at its end.
 *
 * @module
 */
import { type Division, sampleOf } from "../../data/divide.ts";
import { type BatchOptions, evaluationBatches, type Views } from "../../data/pipeline.ts";
import type { ImageSource } from "../../data/sources/types.ts";
import type { Recipe } from "../../data/views/recipe.ts";
import type { Trainer } from "../byol/trainer.ts";
import type { EvaluationRecord } from "../config/callbacks.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";
import { encoderKnn, knnOrNull, rawPixelKnn } from "../eval/knn_accuracy.ts";
import {
  collectFeatures,
  createFeatureExtractor,
  type FeatureMaker,
  type LabeledFeatures,
} from "../eval/features.ts";
import type { OnlineProbe } from "../eval/online_probe.ts";
import { scoreHeads } from "../eval/score_heads.ts";
import { neighborsWithin } from "../eval/neighbors.ts";
import { rankMe, spreadOf } from "../eval/spectrum.ts";
import type { Gpu } from "../gpu/device.ts";
import type { KernelChooser } from "../graph/kernel_choice.ts";
import { PATIENCE_MS, patiently } from "../base/patience.ts";
import type { ObservedEvaluation, ObservedImage } from "../report/observer.ts";
import { Thumbnails } from "../report/thumbnails.ts";
import type { LearningWatch } from "./learning_watch.ts";
import { evaluationRows, loadingOf } from "./setup.ts";

/** The most images that vote in kNN. */
const MAX_REFERENCES = 50_000;
/**
 * Limits during training. An image takes one pass in an evaluation and eight in a training step: with a tenth of the
 * images as references, an evaluation in each epoch takes about 2 % of the time.
 */
const ONLINE = { fraction: 0.1, minReferences: 200, maxReferences: 5000, maxQueries: 2000 } as const;

/** The sizes up to which effective ranks and neighbors are cheap: a quarter of a second each for 512 dimensions on a slow core. */
const RANKS = { maxSize: 512 } as const, NEIGHBORS = { images: 1000, minImages: 20, k: 10 } as const;

/** What evaluations need. */
export interface RunEvaluationOptions {
  gpu: Gpu;
  options: ResolvedOptions;
  recipe: Recipe;
  trainer: Trainer;
  parts: Division;
  /** How training reads images. */
  pipeline: Omit<BatchOptions, "source" | "batch">;
  chooser?: KernelChooser;
  probe: OnlineProbe | null;
  learning: LearningWatch;
  signal?: AbortSignal;
}

/** Evaluates the current networks of a trainer. */
export class RunEvaluation {
  readonly #options: RunEvaluationOptions;
  /** Samples of the parts, by their sizes. */
  readonly #samples = new Map<string, ImageSource>();
  readonly #thumbnails: Thumbnails;

  constructor(options: RunEvaluationOptions) {
    this.#options = options;
    this.#thumbnails = new Thumbnails({ size: options.options.size, recipe: options.recipe });
  }

  /** Up to `count` images to train on or held out. It takes a while to draw them from millions, so they are kept. */
  #sample(part: keyof Division, count: number): ImageSource {
    const { parts, options: { order, seed } } = this.#options, key = `${part} ${count}`;
    const sample = this.#samples.get(key) ?? sampleOf(parts[part]!, { count, order, seed });
    this.#samples.set(key, sample);
    return sample;
  }

  /** The images that vote, and those that are held out. */
  get #references(): ImageSource {
    return this.#sample("train", MAX_REFERENCES);
  }
  get #heldOut(): ImageSource {
    return this.#options.parts.heldOut!;
  }

  /** kNN accuracy of the online encoder; null without labels. Rejects with the signal's reason when it is aborted. */
  async encoderAccuracy(): Promise<number | null> {
    const { gpu, options, recipe, trainer, chooser, signal } = this.#options;
    return await encoderKnn(gpu, {
      batch: evaluationRows(options),
      size: options.size,
      signal,
      references: () => this.#images(this.#references, 0),
      queries: () => this.#images(this.#heldOut, 0),
      loading: loadingOf(options, recipe),
      chooser,
      memory: trainer.memory,
      encoder: trainer.networks.online.encoder,
    });
  }

  /** kNN accuracy of raw pixels, in the same way. */
  async pixelAccuracy(): Promise<number | null> {
    const { gpu, options, pipeline, signal } = this.#options, batch = evaluationRows(options);
    const views = (source: ImageSource) =>
      patiently(evaluationBatches({ ...pipeline, source, batch }), { signal, patienceMs: 0 });
    return await rawPixelKnn(gpu, {
      batch,
      size: options.size,
      signal,
      references: () => views(this.#references),
      queries: () => views(this.#heldOut),
    });
  }

  /** The encoder before the first step, on the images of `online`. Rejects with the signal's reason when it is aborted. */
  async initial(): Promise<ObservedEvaluation> {
    const { options, recipe, trainer, chooser } = this.#options, { encoder } = trainer.networks.online;
    const format = {
      batch: evaluationRows(options),
      size: options.size,
      loading: loadingOf(options, recipe),
    };
    using maker = createFeatureExtractor(trainer.memory, { encoder, chooser, ...format });
    const images: ObservedImage[] = [];
    const heldOut = await collectFeatures(this.#observed(images, 0), { maker });
    this.#options.learning.begin(await this.#neighbors(heldOut));
    return { step: 0, record: null, heldOut, images };
  }

  /** Figures of the encoder after `step` steps, from a part of the images; advice if the verdict has changed. Rejects with the signal's reason only if images do not come. */
  async online(
    { step, epoch }: { step: number; epoch: number },
  ): Promise<ObservedEvaluation & { record: EvaluationRecord; advice: string | null }> {
    const { gpu, options, recipe, trainer, chooser, probe, learning } = this.#options,
      { encoder, projector } = trainer.networks.online;
    using extractor = createFeatureExtractor(trainer.memory, {
      encoder,
      projector,
      batch: evaluationRows(options),
      size: options.size,
      loading: loadingOf(options, recipe),
      chooser,
    });
    const images: ObservedImage[] = [];
    const queries = await collectFeatures(this.#observed(images, PATIENCE_MS), {
      maker: {
        add: (images, n) => extractor.add(images, n, { project: true }),
        take: () => extractor.take(),
      },
    });
    const projections = await extractor.takeProjections();
    const hasLabels = labeledCount(queries) > 0;
    const references = hasLabels ? await this.#voters(extractor) : null;
    const weights = hasLabels && probe ? await probe.weights(trainer.memory) : null;
    const projected = { features: projections, dims: options.projection };
    const { record, advice } = learning.observe({
      step,
      epoch,
      knn: references && await knnOrNull(gpu, { references, queries }),
      probe: weights ? (await scoreHeads(gpu, { weights, samples: queries }))[0].top1 : null,
      rankme: rankMe(queries, RANKS),
      rankmeProjections: rankMe(projected, RANKS),
      zStd: spreadOf(projected),
    }, await this.#neighbors(queries));
    return { step, record, advice, heldOut: queries, images };
  }

  /** The features of the training images that vote in an evaluation during training. */
  async #voters(maker: FeatureMaker): Promise<LabeledFeatures> {
    const { fraction, minReferences, maxReferences } = ONLINE;
    const all = Math.min(this.#options.parts.train.length ?? Infinity, MAX_REFERENCES);
    const count = Math.max(minReferences, Math.min(maxReferences, Math.floor(fraction * all)));
    return await collectFeatures(this.#images(this.#sample("train", count), PATIENCE_MS), { maker });
  }

  /** The neighbors of held-out images among each other; none of too few images. */
  async #neighbors({ features, labels, dims }: LabeledFeatures): Promise<number[][]> {
    const n = Math.min(labels.length, NEIGHBORS.images), k = Math.min(NEIGHBORS.k, Math.floor(n / 5));
    if (n < NEIGHBORS.minImages) return [];
    const few = { features: features.subarray(0, n * dims), dims };
    return await neighborsWithin(this.#options.gpu, { features: few, k });
  }

  /** The held-out images of `online`, which are appended to `images` as they pass. */
  #observed(images: ObservedImage[], patienceMs: number) {
    const batches = this.#images(this.#sample("heldOut", ONLINE.maxQueries), patienceMs);
    return this.#thumbnails.of(batches, images);
  }

  #images(source: ImageSource, patienceMs: number) {
    const { options, pipeline, signal } = this.#options, { augment } = options;
    const batches = evaluationBatches<Views>({
      ...pipeline,
      source,
      augment,
      batch: evaluationRows(options),
    });
    return patiently(batches, { signal, patienceMs });
  }
}

function labeledCount({ labels }: LabeledFeatures): number {
  return labels.reduce((count, label) => count + (label >= 0 ? 1 : 0), 0);
}
