/**
 * What one pre-training run works with: GPU, networks, data pipeline, files. Opened in order, closed together.
 *
 * @module
 */
import { join } from "node:path";
import type { StreamCounts } from "../../data/count.ts";
import type { Division } from "../../data/divide.ts";
import type { BatchOptions } from "../../data/pipeline.ts";
import type { ImageSource } from "../../data/sources/types.ts";
import { counted } from "../base/format.ts";
import { noteLog } from "../base/note_log.ts";
import { createLines, type Progress } from "../base/progress.ts";
import type { AuxiliaryHeadFactory } from "../byol/auxiliary_head.ts";
import { LOSS_SCALE_NAME } from "../byol/state_parts.ts";
import { Trainer } from "../byol/trainer.ts";
import { backboneText } from "../config/backbone.ts";
import type { EvaluationRecord, PretrainCallbacks, StepRecord } from "../config/callbacks.ts";
import type { DataReport } from "../eval/data_report.ts";
import { OnlineProbe, probeFits } from "../eval/online_probe.ts";
import type { World } from "../distributed/world.ts";
import { type Gpu, openGpu } from "../gpu/device.ts";
import type { KernelChooser } from "../graph/kernel_choice.ts";
import type { Decision } from "../graph/tuner.ts";
import { expectTensors } from "../io/expect_tensors.ts";
import { type Metrics, openMetrics, readMetrics, type Stepped } from "../io/metrics.ts";
import { type EntryFile, openTuningCache } from "../io/tuning_cache.ts";
import { featuresOf } from "../nn/backbone.ts";
import type { TorchTensor } from "../nn/weights.ts";
import { BadImages } from "./bad_images.ts";
import { Observers } from "../report/observers.ts";
import { RunEvaluation } from "./evaluation.ts";
import { EvaluationSchedule } from "./evaluation_schedule.ts";
import { writeData } from "./data_file.ts";
import { type Run, writeConfig } from "./folder.ts";
import { initialValues, writeInitialWeights } from "./initial_weights.ts";
import { type LearningState, LearningWatch } from "./learning_watch.ts";
import { openCache } from "./pixel_cache.ts";
import { loggedTo, openObservers } from "./observers.ts";
import { writePreview } from "./preview.ts";
import { expectSameAdapter, lonelyEvaluation } from "./ranks.ts";
import { chooseKernels, trainerOptions } from "./setup.ts";

/** What a run is to do. */
export interface Task {
  run: Run;
  source: ImageSource;
  /** The images to train on, and those held out. */
  parts: Division;
  /** What was found in the data. */
  report: DataReport;
  /** Counts the images of a stream whose number is unknown; null for other sources. */
  counts: (() => StreamCounts) | null;
  /** Steps of the whole run. */
  total: number;
  callbacks: PretrainCallbacks;
  /** The ranks that train together. */
  world: World;
  /** Ends the training between steps. */
  signal?: AbortSignal;
}

/** A run in progress. */
export interface Session extends Task, AsyncDisposable {
  gpu: Gpu;
  trainer: Trainer;
  /** How training and evaluations read images. */
  pipeline: Omit<BatchOptions, "source" | "batch">;
  evaluation: RunEvaluation;
  schedule: EvaluationSchedule;
  learning: LearningWatch;
  metrics: Metrics<StepRecord>;
  evaluations: Metrics<EvaluationRecord>;
  progress: Progress;
  observers: Observers;
  bad: BadImages;
}

/**
 * Opens all that a run needs, writes its options to its folder, and logs its start. Rejects with the signal's reason if it is
 * aborted before that.
 *
 * @throws {MachineError} if there is no adapter or too little memory.
 */
export async function openSession(task: Task): Promise<Session> {
  await using stack = new AsyncDisposableStack();
  const { run, source, parts, report, total, callbacks: { log = console.log, signal }, world } = task;
  const { options, recipe, checkpoint } = run;
  const gpu = stack.use(await openGpu());
  const warning = await expectSameAdapter(world, gpu), alone = lonelyEvaluation(world, parts);
  if (warning) log(warning);
  if (alone) log(alone);
  const { trainer, probe, chooser, tuning } = await openTrainer(stack, gpu, task);
  signal?.throwIfAborted();

  await world.first("the files of the run", async () => {
    await writeStart(task, gpu);
    await tuning.save(options.out);
  });
  const files = await openFiles(stack, task);
  if (world.rank === 0) {
    await openObservers(files.observers, {
      ...{ options, recipe, total, data: report, classes: source.classes, start: checkpoint?.step ?? 0 },
      ...{ adapter: gpu.description, gpuBytes: trainer.plannedBytes },
    });
  }
  const { size, workers, decodeSize, minSide, onBadImage } = options;
  const identity = `${source.fingerprint}, training ${decodeSize}, evaluation ${size}, minimum ${minSide}, ` +
    `stretch ${options.stretch}`;
  const cache = stack.use(openCache(options, { identity, rank: world.rank }));
  const onBad = files.bad.add, onNote = noteLog(files.progress.log);
  const reading = { workers, decodeSize, minSide, cache: cache.images, onBadImage, onBad, onNote };
  const pipeline = { size, recipe, ...reading };
  const learning = world.rank === 0 ? await openLearning(run, source) : new LearningWatch(options);
  const evaluation = new RunEvaluation(
    { gpu, options, recipe, trainer, parts, pipeline, chooser, probe, learning, signal, world },
  );
  logStart(task, { gpu, trainer, log: files.progress.log });
  const open = stack.move();
  return {
    ...task,
    ...files,
    gpu,
    trainer,
    pipeline,
    evaluation,
    learning,
    schedule: new EvaluationSchedule(options, { length: parts.train.length, total }),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/** Writes what is known of a run as it starts. */
async function writeStart(
  { run, source, parts, report, total, callbacks: { signal } }: Task,
  adapter: Gpu,
): Promise<void> {
  const { options, recipe, checkpoint } = run;
  await writeConfig(run, { fingerprint: source.fingerprint, totalSteps: total, adapter });
  await writeData(options.out, report);
  if (run.initial) await writeInitialWeights(run, run.initial);
  if (!checkpoint) await writePreview(parts.train, { options, recipe, signal });
}

/** A trainer with what was chosen for it. */
interface OpenedTrainer {
  trainer: Trainer;
  probe: OnlineProbe | null;
  chooser: KernelChooser | undefined;
  tuning: EntryFile<Decision>;
}

/** The networks, from the checkpoint or drawn anew, and the kernels chosen for them. */
async function openTrainer(
  stack: AsyncDisposableStack,
  gpu: Gpu,
  { run, source, parts, callbacks: { log = console.log, signal }, world }: Task,
): Promise<OpenedTrainer> {
  const { options, recipe } = run;
  const { chooser, tuning } = await chosenKernels(gpu, { run, log, signal, world });
  const training = { ...trainerOptions(options, recipe), chooser, world };
  const size = { dims: featuresOf(training.architecture.backbone), classes: source.classes.length };
  let probe: OnlineProbe | null = null;
  const probeFactory: AuxiliaryHeadFactory = (step) => {
    return probe = new OnlineProbe({ ...step, ...size });
  };
  const isWanted = parts.heldOut !== null && size.classes > 1,
    hasProbe = isWanted && probeFits(size, options);
  if (isWanted && !hasProbe) log(`No online probe: ${size.classes} classes are too many`);
  const trainer = stack.use(
    new Trainer(gpu, { ...training, ...hasProbe && { auxiliaryHead: probeFactory } }),
  );
  if (world.rank === 0) prepareWeights(trainer, run, log);
  await trainer.share();
  await trainer.settled();
  return { trainer, probe, chooser, tuning };
}

/** The kernels of the run: rank 0 chooses, and the others take the same. */
async function chosenKernels(
  gpu: Gpu,
  { run: { options, recipe, began }, log, signal, world }: {
    run: Run;
    log: (line: string) => void;
    signal: AbortSignal | undefined;
    world: World;
  },
): Promise<Pick<OpenedTrainer, "chooser" | "tuning">> {
  const opened = await openTuningCache<Decision>({ run: began ? options.out : null });
  let chooser: KernelChooser | undefined;
  const entries = await world.first("the choice of kernels", async () => {
    chooser = await chooseKernels(gpu, { options, recipe, tuning: opened, log, signal });
    return opened.all();
  });
  if (world.rank === 0) return { chooser, tuning: opened };
  const tuning = await openTuningCache<Decision>({ user: null, entries });
  return { chooser: await chooseKernels(gpu, { options, recipe, tuning, log, signal }), tuning };
}

/** Whether a run goes on with the loss scale of its checkpoint: a dynamic one does, another is what the options say. */
function keepsLossScale({ precision, lossScale }: Run["options"], found: TorchTensor | undefined): boolean {
  return precision === "mixed" && found !== undefined &&
    (lossScale === "dynamic" || lossScale === found.data[0]);
}

/** Restores the checkpoint's weights, or draws new ones. */
function prepareWeights(trainer: Trainer, run: Run, log: (line: string) => void): void {
  const { options, checkpoint } = run;
  if (checkpoint) {
    const found = new Map(checkpoint.tensors), expected = trainer.stateShapes();
    // Checkpoints of all precisions have the same float32 weights; the loss scale is of mixed precision alone.
    const before = found.has(LOSS_SCALE_NAME) ? "mixed" : "f32";
    if (before !== (options.precision ?? "f32")) {
      log(`The checkpoint was written with --precision ${before}; the run goes on with ${options.precision}`);
    }
    if (!keepsLossScale(options, found.get(LOSS_SCALE_NAME))) {
      found.delete(LOSS_SCALE_NAME);
      expected.delete(LOSS_SCALE_NAME);
    }
    expectTensors(`${options.out}, step ${checkpoint.step}`, {
      found,
      expected,
      advise: () => "Use the options of the run that wrote it, as its config.json has them.",
    });
    trainer.restore(found);
  } else {
    const { initial } = run, { network } = trainer.networks.online;
    trainer.initialize({ ...options, ...initial && { given: initialValues(initial, network) } });
  }
}

/** The run's files of metrics and bad images, and its progress display. */
async function openFiles(stack: AsyncDisposableStack, { run, source, total, callbacks, world }: Task) {
  const { options: { out, maxBad, onBadImage }, began, checkpoint } = run, start = checkpoint?.step ?? 0;
  const keepThroughStep = began ? start : undefined;
  const writes = world.rank === 0;
  const open = async <T extends Stepped>(name: string) =>
    writes ? await openMetrics<T>(join(out, name), { keepThroughStep }) : noMetrics;
  const metrics = stack.use(await open<StepRecord>("metrics.jsonl"));
  const evaluations = stack.use(await open<EvaluationRecord>("evaluations.jsonl"));
  const shown = stack.use((callbacks.progress ?? createLines)({ total, start, print: callbacks.log }));
  const observers = stack.use(new Observers((line) => progress.log(line)));
  const progress = loggedTo(observers, shown);
  const bad = stack.use(
    await BadImages.open(out, {
      resume: began !== null && writes,
      writes,
      log: progress.log,
      source: source.name,
      max: writes ? maxBad ?? defaultMaxBad(source) : Infinity,
      verb: onBadImage === "substitute" ? "Replaced" : "Skipped",
    }),
  );
  return { metrics, evaluations, progress, observers, bad };
}

/** What follows the evaluations of the run, those before its checkpoint included. Changed data has other neighbors. */
async function openLearning(
  { options, began, checkpoint }: Run,
  { fingerprint }: ImageSource,
): Promise<LearningWatch> {
  const history = began ? await readMetrics<EvaluationRecord>(join(options.out, "evaluations.jsonl")) : [];
  const isSame = checkpoint?.metadata.fingerprint === fingerprint;
  const state = isSame ? checkpoint.metadata.learning as LearningState | null : null;
  return new LearningWatch(options, { history, state });
}

/** In place of files that rank 0 writes. */
const noMetrics = { write() {}, flush() {}, close() {}, [Symbol.dispose]() {} };

/** How many images may be bad without the option `maxBad`. */
function defaultMaxBad({ length }: ImageSource): number {
  return length === null ? 1000 : Math.max(10, Math.floor(length / 10));
}

function logStart(
  { run: { options, checkpoint }, source, total }: Task,
  { gpu, trainer, log }: { gpu: Gpu; trainer: Trainer; log: (line: string) => void },
): void {
  const { batch, accumulate, backbone, precision, out } = options;
  const start = checkpoint ? `Resuming at step ${checkpoint.step} of` : "Training";
  const memory = (trainer.plannedBytes / 1e6).toFixed(0);
  log(
    `${start} ${counted(total, "step")} of ${
      counted(batch * accumulate, "image")
    } from ${source.name} on ${gpu.description}: ` +
      `${backboneText(backbone)}, ${
        precision === "mixed" ? "in mixed precision, " : ""
      }${memory} MB of GPU memory, results in ${out}`,
  );
}
