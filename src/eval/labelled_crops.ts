/**
 * Learning from labels on random crops and flips, as the paper's linear protocol and its fine-tuning do (appendices D.1
 * and D.2): of a frozen encoder's features, or with the encoder itself.
 *
 * @module
 */
import { type BadImage, trainingBatches } from "../../data/pipeline.ts";
import type { ImageSource, IndexedSource } from "../../data/sources/types.ts";
import { subsetOf } from "../../data/subset.ts";
import { defaultDecodeSize, defaultRatio, type Recipe, type ViewRecipe } from "../../data/views/recipe.ts";
import { UserError } from "../base/errors.ts";
import { createFeatureExtractor, type FeatureMaker, type LabelledFeatures } from "./features.ts";
import { classify, createHeads, headInputs, MOMENTUM, plainOptimizer, prepareHeads } from "./heads.ts";
import { type Fit, HeadLearner, readHeads, scoreHeads, type Scores } from "./linear.ts";
import { buildEncoder, contentOf, type EvaluatedEncoder } from "./evaluated_encoder.ts";
import type { Gpu } from "../gpu/device.ts";
import { Memory, type Store } from "../gpu/memory.ts";
import { Program } from "../graph/program.ts";
import { Tape } from "../graph/tape.ts";
import { type ChoosingProfile, deviceProfileOf, type KernelChooser } from "../graph/kernel_choice.ts";
import { type Tensor, tensorIn } from "../graph/tensor.ts";
import { addInto } from "../ops/add.ts";
import { packStep, STEP_BYTES } from "../optim/optimizer.ts";
import { learningRate } from "../optim/schedule.ts";

/** The images to learn from: row i is number `indices[i]` of `source`, of class `labels[i]`. */
export interface LabelledImages {
  source: ImageSource;
  indices: readonly number[];
  labels: Int32Array;
}

/** How crops are learnt from. */
export interface CropOptions {
  encoder: EvaluatedEncoder;
  images: LabelledImages;
  classes: number;
  epochs: number;
  seed: number;
  /** Images of a step at most; each gives two rows. */
  batch: number;
  workers: number;
  chooser?: KernelChooser;
  signal?: AbortSignal;
  onBad(bad: BadImage): void;
}

const VIEW: ViewRecipe = { crop: { area: [.08, 1], ratio: defaultRatio }, flip: .5 };

/** Refuses what cannot be read in any order. */
export function expectIndexed(source: ImageSource): asserts source is IndexedSource {
  if (source.kind === "indexed") return;
  throw new UserError(
    `Cannot learn from crops of ${source.name} as its images must be readable in any order: it is streamed. Use ` +
      `--probe-views cached without --finetune, or copy it to this machine.`,
  );
}

/** A batch of crops. */
interface CropBatch {
  /** [2B, size, size, 4] */
  views: Float32Array<ArrayBuffer>;
  /** [2B]: the classes of the images, once for each of their views. */
  labels: Float32Array<ArrayBuffer>;
  /** The share of the peak learning rate, along a cosine to 0. */
  lr: number;
}

/** Batches of crops of the images with the numbers `chosen`; a pass is one view of each, a step takes two. */
async function* cropBatches(
  { encoder, images, epochs, seed, workers, onBad, signal, ...most }: CropOptions,
  chosen: readonly number[],
): AsyncGenerator<CropBatch> {
  const { size, mean, std } = encoder, { source, indices, labels } = images;
  expectIndexed(source);
  const recipe: Recipe = { name: "crop and flip", views: [VIEW, VIEW], size, mean, std };
  const batch = Math.min(most.batch, chosen.length), total = Math.ceil(epochs * chosen.length / (2 * batch));
  const batches = trainingBatches({
    source: subsetOf(source, chosen.map((row) => indices[row])),
    batch,
    size,
    recipe,
    seed,
    workers,
    decodeSize: defaultDecodeSize(recipe, size),
    onBad,
  });
  let step = 0;
  for await (const { views, indices: places, release } of batches) {
    signal?.throwIfAborted();
    const names = places.map((place) => labels[chosen[place]]);
    yield {
      views,
      labels: Float32Array.from([...names, ...names]),
      lr: learningRate(step, { lr: 1, total, warmup: 0 }),
    };
    release();
    if (++step === total) break;
  }
}

/** The store of a step's views, and the tensor in it. */
function viewsOf(batch: number, size: number): { store: Store; tensor: Tensor } {
  const shape = [2 * batch, size, size, 4];
  const store: Store = { name: "views", category: "input", bytes: shape.reduce((a, b) => a * b) * 4 };
  return { store, tensor: tensorIn(store, { shape }) };
}

/** Learns classifiers from crops under the frozen encoder, trained or with a seed's first weights. */
export function fitCrops(
  gpu: Gpu,
  { from, ...options }: CropOptions & { from: Parameters<typeof contentOf>[1] },
): Fit {
  return async ({ rates, rows: chosen }) => {
    const { encoder, classes, chooser } = options, built = buildEncoder(encoder, { gradients: false });
    const batch = Math.min(options.batch, chosen.length), views = viewsOf(batch, encoder.size);
    using learner = new HeadLearner(gpu, {
      dims: built.dims,
      classes,
      rates,
      rows: 2 * batch,
      chooser,
      features: (tape) => built.layer(tape, views.tensor),
    });
    for (const { store, values } of contentOf(built, from)) learner.memory.write(store, values);
    for await (const { views: crops, labels, lr } of cropBatches(options, [...chosen])) {
      learner.memory.write(views.store, crops);
      await learner.step(labels, lr);
    }
    return await learner.weights();
  };
}

/** The step of fine-tuning, for planning and for timing kernels. */
export function traceFinetuning(
  { encoder, classes, batch }: { encoder: EvaluatedEncoder; classes: number; batch: number },
  target: ChoosingProfile,
) {
  const built = buildEncoder(encoder, { gradients: true });
  const views = viewsOf(batch, encoder.size), inputs = headInputs(2 * batch);
  const heads = createHeads({ dims: built.dims, classes, rates: [1] }, built.network);
  const tape = new Tape(target, { training: true, views: 1, add: addInto });
  const features = built.layer(tape, tape.markConstant(views.tensor));
  classify(tape, { heads, features, inputs });
  tape.backward();
  const optimizer = plainOptimizer(built.network, target);
  optimizer.record(tape, tensorIn(inputs.scalars, { shape: [STEP_BYTES / 4] }));
  return { dispatches: tape.dispatches, built, views, inputs, heads, optimizer };
}

/**
 * Trains the encoder on with a classifier on top, by batch statistics, and scores it on `test` by running statistics.
 *
 * @param options `lr`: the peak learning rate; `collect` gives the features of the test samples under what was learnt.
 */
export async function finetune(
  gpu: Gpu,
  { lr, collect, ...options }: CropOptions & {
    lr: number;
    collect(maker: FeatureMaker<Float32Array<ArrayBuffer>>, batch: number): Promise<LabelledFeatures>;
  },
): Promise<Scores> {
  const { encoder, images, classes, chooser } = options,
    batch = Math.min(options.batch, images.indices.length);
  using memory = new Memory(gpu);
  const { dispatches, built, views, inputs, heads, optimizer } = traceFinetuning(
    { encoder, classes, batch },
    deviceProfileOf(gpu, chooser),
  );
  {
    using program = new Program(memory, { dispatches });
    for (const { store, values } of contentOf(built, encoder)) memory.write(store, values);
    prepareHeads(memory, { heads, optimizer });
    for await (
      const { views: crops, labels, lr: share } of cropBatches(options, [...images.indices.keys()])
    ) {
      gpu.check();
      memory.write(views.store, crops);
      memory.write(inputs.labels, labels);
      const scalars = { lr: lr * share, momentum: MOMENTUM, weightDecay: 0, tau: 1, slot: 0 };
      memory.write(inputs.scalars, packStep(scalars));
      program.run();
      await gpu.device.queue.onSubmittedWorkDone();
    }
  }
  const evaluated = 2 * batch;
  using extractor = createFeatureExtractor(memory, {
    encoder: built.layer,
    batch: evaluated,
    size: encoder.size,
    chooser,
  });
  const samples = await collect(extractor, evaluated);
  const [scores] = await scoreHeads(gpu, { weights: await readHeads(memory, heads), samples });
  return scores;
}
