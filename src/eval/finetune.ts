/**
 * Fine-tuning: the encoder is trained on the labels with a classifier on top (paper, appendix D.2).
 *
 * @module
 */
import type { Gpu } from "../gpu/device.ts";
import { Memory } from "../gpu/memory.ts";
import { type ChoosingProfile, deviceProfileOf } from "../graph/kernel_choice.ts";
import { Program } from "../graph/program.ts";
import { Tape } from "../graph/tape.ts";
import { tensorIn } from "../graph/tensor.ts";
import { addInto } from "../ops/add.ts";
import { packStep, STEP_BYTES } from "../optim/optimizer.ts";
import { buildEncoder, contentOf, type EvaluatedEncoder } from "./evaluated_encoder.ts";
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
import { cropBatches, type CropOptions, cropStore } from "./labeled_crops.ts";
import { scoreHeads, type Scores } from "./score_heads.ts";
import { cropOptions, type ScoringContext } from "./score_row.ts";
import type { EvaluateOptions, EvaluationReport } from "./types.ts";

/** Defaults: epochs, peak learning rate at a batch of 256, images per step at most. */
const DEFAULTS = { epochs: 30, lr: 0.1, batch: 64 };

/** Fine-tunes the encoder of an evaluation, and scores it on the test images. */
export async function finetuneEncoder(
  { finetuneEpochs: epochs = DEFAULTS.epochs, finetuneLr = DEFAULTS.lr }: EvaluateOptions,
  { setup, samples, collector, signal }:
    & Pick<ScoringContext, "setup" | "samples" | "signal">
    & { collector: FeatureCollector },
): Promise<EvaluationReport["finetuned"]> {
  const { gpu, encoder, data, chooseKernels } = setup, classes = samples.classes.length;
  const batch = Math.min(DEFAULTS.batch, samples.learned.length), lr = finetuneLr * 2 * batch / 256;
  const traced = { encoder, classes, batch };
  const chooser = await chooseKernels((target) => traceFinetuning(traced, target));
  const { top1, top5 } = await finetune(gpu, {
    ...cropOptions({ setup, samples, chooser, batch, signal }),
    epochs,
    lr,
    collect: async (maker, batch) => ({
      ...await collector.collectBy(maker, { samples: data.test, batch }),
      labels: samples.test.sets.get("trained")!.labels,
    }),
  });
  return { top1, top5, lr, epochs };
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
  /** Peak learning rate. */
  lr: number;
  /** Collects the features of the test images by the trained encoder, `batch` images at a time. */
  collect(maker: FeatureMaker<Float32Array<ArrayBuffer>>, batch: number): Promise<LabeledFeatures>;
}

/** Trains the encoder and a classifier by batch statistics, and scores them on the test images by running statistics. */
async function finetune(gpu: Gpu, { lr, collect, ...options }: FinetuneOptions): Promise<Scores> {
  const { encoder, images, classes, chooser } = options;
  const batch = Math.min(options.batch, images.indices.length);
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
  { lr, ...options }: CropOptions & { lr: number },
): Promise<void> {
  const { gpu } = memory;
  using program = new Program(memory, { dispatches });
  for (const { store, values } of contentOf(built, options.encoder)) memory.write(store, values);
  prepareHeads(memory, { heads, optimizer });
  const all = [...options.images.indices.keys()];
  for await (const { views: crops, labels, lr: share } of cropBatches(options, all)) {
    gpu.check();
    memory.write(views.store, crops);
    memory.write(inputs.labels, labels);
    const scalars = { lr: lr * share, momentum: MOMENTUM, weightDecay: 0, tau: 1, slot: 0 };
    memory.write(inputs.scalars, packStep(scalars));
    program.run();
    await gpu.device.queue.onSubmittedWorkDone();
  }
}
