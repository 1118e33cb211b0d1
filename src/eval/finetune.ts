/**
 * Fine-tuning: the encoder is trained on the labels with a classifier on top (paper, appendix D.2).
 *
 * @module
 */
import { subsetOf } from "../../data/subset.ts";
import type { Gpu } from "../gpu/device.ts";
import { Memory } from "../gpu/memory.ts";
import { type ChoosingProfile, deviceProfileOf } from "../graph/kernel_choice.ts";
import { Program } from "../graph/program.ts";
import { Tape } from "../graph/tape.ts";
import { tensorIn } from "../graph/tensor.ts";
import { addInto } from "../ops/add.ts";
import { packStep, STEP_BYTES } from "../optim/optimizer.ts";
import type { Samples } from "./data.ts";
import { buildEncoder, type EvaluatedEncoder, writeEncoder } from "./evaluated_encoder.ts";
import type { FeatureCollector } from "./feature_sets.ts";
import { createFeatureExtractor, type FeatureMaker, type LabeledFeatures } from "./features.ts";
import {
  classify,
  createHeads,
  headInputs,
  MOMENTUM,
  plainOptimizer,
  prepareHeads,
  readHeads,
} from "./heads.ts";
import { cropBatches, type CropOptions, cropStore, expectIndexed } from "./labeled_crops.ts";
import { heldBack } from "./linear.ts";
import { chooseRate, type RateSweep } from "./rate_sweep.ts";
import { scoreHeads, type Scores } from "./score_heads.ts";
import { cropOptions, type ScoringContext } from "./score_row.ts";
import type { EvaluateOptions, EvaluationReport } from "./types.ts";

/** Defaults: epochs, images per step at most. */
const DEFAULTS = { epochs: 30, batch: 64 };

/** Peak learning rates at a batch of 256: the paper's five, and others if the best is at an end. */
const RATES: RateSweep = {
  rates: [.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1],
  first: 3,
  end: 8,
  more: 1,
};
/** With too few images to hold any back. */
const DEFAULT_RATE = .1;

/**
 * Fine-tunes the encoder of an evaluation, and scores it on the test images. The learning rate is the given one, or the best
 * on a held-back fifth of the training images.
 */
export async function finetuneEncoder(
  { finetuneEpochs: epochs = DEFAULTS.epochs, finetuneLr }: EvaluateOptions,
  { setup, samples, collector, signal }:
    & Pick<ScoringContext, "setup" | "samples" | "signal">
    & { collector: FeatureCollector },
): Promise<EvaluationReport["finetuned"]> {
  const { gpu, encoder, data, protocol: { seed }, chooseKernels } = setup, classes = samples.classes.length;
  const batch = Math.min(DEFAULTS.batch, samples.learned.length);
  const traced = { encoder, classes, batch };
  const chooser = await chooseKernels((target) => traceFinetuning(traced, target));
  const crops = { ...cropOptions({ setup, samples, chooser, batch, signal }), epochs };
  const { source, indices, labels } = crops.images, all = Uint32Array.from(indices.keys());
  expectIndexed(source);
  const scaled = (rate: number) => rate * 2 * batch / 256;
  /** Trains on the images `rows`, and scores on `tested`. */
  const score = (rate: number, { rows, tested, labels }: {
    rows: Uint32Array;
    tested: Samples;
    labels: Int32Array<ArrayBuffer>;
  }) => {
    const collect = async (maker: FeatureMaker<Float32Array<ArrayBuffer>>, batch: number) => ({
      ...await collector.collectBy(maker, { samples: tested, batch }),
      labels,
    });
    return finetune(gpu, { ...crops, rows, lr: scaled(rate), collect });
  };
  const [split] = heldBack(all, { seed, few: 0 });
  const sweep = finetuneLr === undefined && split
    ? await chooseRate(RATES, async (rates) => {
      const held = Array.from(split.held, (row) => indices[row]);
      const tested = { source: subsetOf(source, held), whole: source };
      const heldLabels = Int32Array.from(split.held, (row) => labels[row]), scores: number[] = [];
      for (const rate of rates) {
        scores.push((await score(rate, { rows: split.rows, tested, labels: heldLabels })).top1);
      }
      return scores;
    })
    : null;
  const rate = finetuneLr ?? sweep?.lr ?? DEFAULT_RATE;
  const testLabels = samples.test.sets.get("trained")!.labels;
  const { top1, top5 } = await score(rate, { rows: all, tested: data.test, labels: testLabels });
  const tried = (sweep?.sweep ?? []).map(({ lr, top1 }) => ({ lr: scaled(lr), top1 }));
  return { top1, top5, lr: scaled(rate), sweep: tried, decay: 0, epochs };
}

/** Traces a step of fine-tuning. */
function traceFinetuning(
  { encoder, classes, batch }: { encoder: EvaluatedEncoder; classes: number; batch: number },
  target: ChoosingProfile,
) {
  const built = buildEncoder(encoder, { gradients: true });
  const views = cropStore(batch, encoder.size), inputs = headInputs(2 * batch);
  const heads = createHeads({ dims: built.dims, classes, rates: [1] }, built.network);
  const tape = new Tape(target, { training: true, views: 1, add: addInto });
  const features = built.layer(tape, tape.markConstant(views.tensor));
  classify(tape, { heads, features, inputs });
  tape.backward();
  const optimizer = plainOptimizer(built.network, target);
  optimizer.record(tape, tensorIn(inputs.scalars, { shape: [STEP_BYTES / 4] }));
  return { dispatches: tape.dispatches, built, views, inputs, heads, optimizer };
}

interface FinetuneOptions extends CropOptions {
  /** The images to learn from, by their places among those of the options. */
  rows: Uint32Array;
  /** Peak learning rate. */
  lr: number;
  /** Collects the features of the test images by the trained encoder, `batch` images at a time. */
  collect(maker: FeatureMaker<Float32Array<ArrayBuffer>>, batch: number): Promise<LabeledFeatures>;
}

/** Trains the encoder and a classifier by batch statistics, and scores them on the test images by running statistics. */
async function finetune(gpu: Gpu, { lr, collect, ...options }: FinetuneOptions): Promise<Scores> {
  const { encoder, rows, classes, chooser } = options, batch = Math.min(options.batch, rows.length);
  using memory = new Memory(gpu);
  const traced = traceFinetuning({ encoder, classes, batch }, deviceProfileOf(gpu, chooser));
  await takeSteps(memory, traced, { ...options, lr });
  const evaluated = 2 * batch;
  using extractor = createFeatureExtractor(memory, {
    encoder: traced.built.layer,
    batch: evaluated,
    size: encoder.size,
    chooser,
  });
  const samples = await collect(extractor, evaluated);
  const [scores] = await scoreHeads(gpu, { weights: await readHeads(memory, traced.heads), samples });
  return scores;
}

async function takeSteps(
  memory: Memory,
  { dispatches, built, views, inputs, heads, optimizer }: ReturnType<typeof traceFinetuning>,
  { lr, rows, ...options }: Pick<FinetuneOptions, "lr" | "rows"> & CropOptions,
): Promise<void> {
  const { gpu } = memory;
  using program = new Program(memory, { dispatches });
  writeEncoder(memory, built, options.encoder);
  prepareHeads(memory, { heads, optimizer });
  for await (const { views: crops, labels, lr: share } of cropBatches(options, rows)) {
    gpu.check();
    memory.write(views.store, crops);
    memory.write(inputs.labels, labels);
    const scalars = { lr: lr * share, momentum: MOMENTUM, weightDecay: 0, tau: 1, slot: 0 };
    memory.write(inputs.scalars, packStep(scalars));
    program.run();
    await gpu.device.queue.onSubmittedWorkDone();
  }
}
