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
import { knnOrNull } from "../eval/knn_accuracy.ts";
import type { World } from "../distributed/world.ts";
import {
  createFeatureExtractor,
  type FeatureExtractor,
  type FeatureMaker,
  type LabeledFeatures,
  pixelMaker,
} from "../eval/features.ts";
import type { OnlineProbe } from "../eval/online_probe.ts";
import { scoreHeads } from "../eval/score_heads.ts";
import { SharedImages } from "../eval/shared_images.ts";
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
  /** The ranks that compute features; rank 0 does the rest. */
  world: World;
}

/** What computes features, and how long it waits for images once the signal is aborted. */
interface Reading {
  maker: FeatureMaker;
  patienceMs: number;
}

/** Evaluates the current networks of a trainer, together on all ranks. */
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
  /** The held-out images of `initial` and `online`. */
  get #queries(): ImageSource {
    return this.#sample("heldOut", ONLINE.maxQueries);
  }

  /** kNN accuracy of the online encoder; null without labels. Rejects with the signal's reason when it is aborted. */
  async encoderAccuracy(): Promise<number | null> {
    using maker = this.#extractor();
    return await this.#knn("the encoder", (source) => this.#features(source, { maker, patienceMs: 0 }));
  }

  /** kNN accuracy of raw pixels, in the same way. */
  async pixelAccuracy(): Promise<number | null> {
    const { options, signal } = this.#options, maker = pixelMaker(options.size);
    const open = (source: ImageSource) =>
      patiently(evaluationBatches(this.#reading(source)), { signal, patienceMs: 0 });
    return await this.#knn("raw pixels", (source) => this.#shared(source).collect({ open, maker }));
  }

  /** kNN accuracy by features that `collect` computes. */
  async #knn(what: string, collect: (source: ImageSource) => Promise<LabeledFeatures | null>) {
    const { gpu, world } = this.#options;
    const references = await collect(this.#references), queries = await collect(this.#heldOut);
    return await world.first(
      `the kNN accuracy of ${what}`,
      () => knnOrNull(gpu, { references: references!, queries: queries! }),
    );
  }

  /**
   * Lets `observe` see the encoder before the first step, on the images of `online`. Rejects with the signal's reason when
   * it is aborted.
   */
  async initial(observe: (evaluation: ObservedEvaluation) => Promise<void>): Promise<void> {
    const { learning, world } = this.#options;
    using maker = this.#extractor();
    const observed = await this.#observed({ maker, patienceMs: 0 });
    await world.first("the encoder before training", async () => {
      const { heldOut, images } = observed!;
      learning.begin(await this.#neighbors(heldOut));
      await observe({ step: 0, record: null, heldOut, images });
    });
  }

  /**
   * Lets `observe` see figures of the encoder after `step` steps, from a part of the images; with advice if the verdict has
   * changed. Rejects with the signal's reason only if images do not come.
   */
  async online(
    { step, epoch }: { step: number; epoch: number },
    observe: (
      evaluation: ObservedEvaluation & { record: EvaluationRecord; advice: string | null },
    ) => Promise<void>,
  ): Promise<void> {
    const { options, world } = this.#options;
    using extractor = this.#extractor({ project: true });
    const maker: FeatureMaker = {
      add: (images, n) => extractor.add(images, n, { project: true }),
      take: () => extractor.take(),
    };
    const shared = this.#shared(this.#queries);
    const observed = await this.#observed({ maker, patienceMs: PATIENCE_MS }, shared);
    const projections = await shared.joinRows(await extractor.takeProjections(), options.projection);
    const hasLabels = await world.first(
      "labels",
      () => Promise.resolve(labeledCount(observed!.heldOut) > 0),
    );
    const references = hasLabels ? await this.#voters(extractor) : null;
    await world.first(`the evaluation after step ${step}`, async () => {
      const { record, advice } = await this.#judge({ step, epoch }, {
        ...{ queries: observed!.heldOut, projections: projections!, references },
      });
      await observe({ step, record, advice, ...observed! });
    });
  }

  /** The figures of one evaluation. */
  async #judge(
    { step, epoch }: { step: number; epoch: number },
    { queries, projections, references }: {
      queries: LabeledFeatures;
      projections: Float32Array<ArrayBuffer>;
      /** Null without labels. */
      references: LabeledFeatures | null;
    },
  ) {
    const { gpu, options, trainer, probe, learning } = this.#options;
    const weights = references && probe ? await probe.weights(trainer.memory) : null;
    const projected = { features: projections, dims: options.projection };
    return learning.observe({
      step,
      epoch,
      knn: references && await knnOrNull(gpu, { references, queries }),
      probe: weights ? (await scoreHeads(gpu, { weights, samples: queries }))[0].top1 : null,
      rankme: rankMe(queries, RANKS),
      rankmeProjections: rankMe(projected, RANKS),
      zStd: spreadOf(projected),
    }, await this.#neighbors(queries));
  }

  /** The encoder as it is now; `project`: with the projector. */
  #extractor({ project = false } = {}): FeatureExtractor {
    const { options, recipe, trainer, chooser } = this.#options;
    const { encoder, projector } = trainer.networks.online;
    return createFeatureExtractor(trainer.memory, {
      encoder,
      ...project && { projector },
      batch: evaluationRows(options),
      size: options.size,
      loading: loadingOf(options, recipe),
      chooser,
    });
  }

  /** The features of the training images that vote in an evaluation during training. */
  async #voters(maker: FeatureMaker): Promise<LabeledFeatures | null> {
    const { fraction, minReferences, maxReferences } = ONLINE;
    const all = Math.min(this.#options.parts.train.length ?? Infinity, MAX_REFERENCES);
    const count = Math.max(minReferences, Math.min(maxReferences, Math.floor(fraction * all)));
    return await this.#features(this.#sample("train", count), { maker, patienceMs: PATIENCE_MS });
  }

  /** The neighbors of held-out images among each other; none of too few images. */
  async #neighbors({ features, labels, dims }: LabeledFeatures): Promise<number[][]> {
    const n = Math.min(labels.length, NEIGHBORS.images), k = Math.min(NEIGHBORS.k, Math.floor(n / 5));
    if (n < NEIGHBORS.minImages) return [];
    const few = { features: features.subarray(0, n * dims), dims };
    return await neighborsWithin(this.#options.gpu, { features: few, k });
  }

  /** The held-out images of `online`, their features and pictures; null where other ranks have them. */
  async #observed(
    { maker, patienceMs }: Reading,
    shared = this.#shared(this.#queries),
  ): Promise<Pick<ObservedEvaluation, "heldOut" | "images"> | null> {
    const thumbnails = this.#thumbnails, own: ObservedImage[] = [];
    const open = (source: ImageSource) => thumbnails.of(this.#images(source, patienceMs), own);
    const heldOut = await shared.collect({ open, maker });
    const { size } = this.#options.world;
    const images = size === 1 ? own : thumbnails.unpack(await shared.joinItems(thumbnails.pack(own)));
    return heldOut && images && { heldOut, images };
  }

  /** The features of `source`; null where other ranks have them. */
  #features(
    source: ImageSource,
    { maker, patienceMs }: Reading,
  ): Promise<LabeledFeatures | null> {
    return this.#shared(source).collect({ open: (part) => this.#images(part, patienceMs), maker });
  }

  #shared(source: ImageSource): SharedImages {
    const { options, world } = this.#options;
    return new SharedImages(world, { source, batch: evaluationRows(options) });
  }

  /** How the images of `source`, or of a rank's part of it, are read. */
  #reading(source: ImageSource) {
    const { options, pipeline, world } = this.#options;
    return { ...pipeline, source, batch: evaluationRows(options), mayBeEmpty: world.size > 1 };
  }

  #images(source: ImageSource, patienceMs: number) {
    const { options: { augment }, signal } = this.#options;
    const batches = evaluationBatches<Views>({ ...this.#reading(source), augment });
    return patiently(batches, { signal, patienceMs });
  }
}

function labeledCount({ labels }: LabeledFeatures): number {
  return labels.reduce((count, label) => count + (label >= 0 ? 1 : 0), 0);
}
