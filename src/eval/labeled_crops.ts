/**
 * Labeled random crops and flips, which the paper's linear protocol and its fine-tuning learn from (appendices D.1 and
 * D.2), and linear classifiers on a frozen encoder's features of them.
 *
 * @module
 */
import { type BadImage, type ImageNote, trainingBatches } from "../../data/pipeline.ts";
import type { ImageSource, IndexedSource } from "../../data/sources/types.ts";
import { subsetOf } from "../../data/subset.ts";
import { defaultDecodeSize, defaultRatio, type ViewRecipe } from "../../data/views/recipe.ts";
import { UserError } from "../base/errors.ts";
import { HeadLearner } from "./fit_heads.ts";
import type { Fit } from "./linear.ts";
import {
  buildEncoder,
  type EvaluatedEncoder,
  recipeFor,
  type WeightSource,
  writeEncoder,
} from "./evaluated_encoder.ts";
import type { Gpu } from "../gpu/device.ts";
import type { Store } from "../gpu/memory.ts";
import type { KernelChooser } from "../graph/kernel_choice.ts";
import { type Tensor, tensorIn } from "../graph/tensor.ts";
import { learningRate } from "../optim/schedule.ts";
import { standardLayer } from "./standardize.ts";

/** The images to learn from: row i is image number `indices[i]` of `source`, with class `labels[i]`. */
export interface LabeledImages {
  source: ImageSource;
  indices: readonly number[];
  labels: Int32Array;
}

/** How crops are drawn and learned from. */
export interface CropOptions {
  encoder: EvaluatedEncoder;
  images: LabeledImages;
  classes: number;
  epochs: number;
  seed: number;
  /** Images per step at most; each gives two rows. */
  batch: number;
  workers: number;
  /** Images with a shorter side, in pixels, are left out. Default: 1. */
  minSide?: number;
  chooser?: KernelChooser;
  signal?: AbortSignal;
  onBad(bad: BadImage): void;
  onNote?(note: ImageNote): void;
}

const VIEW: ViewRecipe = { crop: { area: [.08, 1], ratio: defaultRatio }, flip: .5 };

/** Refuses a source that cannot be read in any order. */
export function expectIndexed(source: ImageSource): asserts source is IndexedSource {
  if (source.kind === "indexed") return;
  throw new UserError(
    `Cannot learn from crops of "${source.name}": it is streamed, and crops are read in random order. Copy it to this ` +
      `machine, or use --probe-views cached without --finetune.`,
  );
}

/** A batch of crops. */
export interface CropBatch {
  /** [2B, size, size, 4] */
  views: Float32Array<ArrayBuffer>;
  /** [2B]: the classes of the images, once for each of their views. */
  labels: Float32Array<ArrayBuffer>;
  /** Fraction of the peak learning rate, along a cosine to 0. */
  lr: number;
}

/** Batches of crops of the rows `chosen`. An epoch is one view of each image; a step takes two. */
export async function* cropBatches(
  { encoder, images, epochs, seed, workers, minSide, onBad, onNote, signal, ...limits }: CropOptions,
  chosen: ArrayLike<number>,
): AsyncGenerator<CropBatch> {
  const { size } = encoder, { source, indices, labels } = images;
  expectIndexed(source);
  const recipe = recipeFor(encoder, { name: "crop and flip", views: [VIEW, VIEW] });
  const batch = Math.min(limits.batch, chosen.length),
    total = Math.ceil(epochs * chosen.length / (2 * batch));
  const classOf = new Map(Array.from(chosen, (row) => [indices[row], labels[row]]));
  const batches = trainingBatches({
    source: subsetOf(source, Array.from(chosen, (row) => indices[row])),
    batch,
    size,
    recipe,
    seed,
    workers,
    decodeSize: defaultDecodeSize(recipe, size),
    minSide,
    onBad,
    onNote,
  });
  let step = 0;
  for await (const { views, indices: numbers, release } of batches) {
    signal?.throwIfAborted();
    const classes = numbers.map((number) => classOf.get(number)!);
    yield {
      views,
      labels: Float32Array.from([...classes, ...classes]),
      lr: learningRate(step, { lr: 1, total, warmup: 0 }),
    };
    release();
    if (++step === total) break;
  }
}

/** The store of a step's crops, and the tensor in it. */
export function cropStore(batch: number, size: number): { store: Store; tensor: Tensor } {
  const shape = [2 * batch, size, size, 4];
  const store: Store = { name: "views", category: "input", bytes: shape.reduce((a, b) => a * b) * 4 };
  return { store, tensor: tensorIn(store, { shape }) };
}

/** Trains classifiers on crops under the frozen encoder, with its weights or with a seed's initial ones. */
export function fitCrops(
  gpu: Gpu,
  { from, ...options }: CropOptions & { from: WeightSource },
): Fit {
  return async ({ rates, decay, rows: chosen, standard }) => {
    const { encoder, classes, chooser } = options, built = buildEncoder(encoder, { gradients: false });
    const batch = Math.min(options.batch, chosen.length), views = cropStore(batch, encoder.size);
    const standardized = standardLayer(built.network, built.dims);
    using learner = new HeadLearner(gpu, {
      dims: built.dims,
      classes,
      rates,
      decay,
      rows: 2 * batch,
      chooser,
      features: (tape) => standardized.layer(tape, built.layer(tape, views.tensor)),
    });
    writeEncoder(learner.memory, built, from);
    standardized.prepare(learner.memory, standard);
    for await (const { views: crops, labels, lr } of cropBatches(options, chosen)) {
      learner.memory.write(views.store, crops);
      await learner.step(labels, lr);
    }
    return await learner.weights();
  };
}
