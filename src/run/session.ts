/**
 * What one pre-training run works with: GPU, networks, data pipeline, files. Opened in order, closed together.
 *
 * @module
 */
import { join } from "node:path";
import type { BatchOptions } from "../../data/pipeline.ts";
import type { ImageSource } from "../../data/sources/types.ts";
import type { AuxiliaryHeadFactory } from "../byol/auxiliary_head.ts";
import { Trainer } from "../byol/trainer.ts";
import { createLines, type Progress } from "../base/progress.ts";
import { OnlineProbe } from "../eval/online_probe.ts";
import { type Gpu, openGpu } from "../gpu/device.ts";
import type { KernelChooser } from "../graph/kernel_choice.ts";
import type { Decision } from "../graph/tuner.ts";
import { BadImages } from "../io/bad_images.ts";
import { expectTensors } from "../io/expect_tensors.ts";
import { type Metrics, openMetrics } from "../io/metrics.ts";
import { openTuningCache } from "../io/tuning_cache.ts";
import { featuresOf } from "../nn/resnet.ts";
import type { StepRecord } from "./records.ts";
import { openCache } from "./pixel_cache.ts";
import { type EvaluationRecord, RunEvaluation } from "./evaluation.ts";
import { type Run, writeConfig } from "./folder.ts";
import { writePreview } from "./preview.ts";
import { chooseKernels, trainerOptions } from "./setup.ts";
import type { Split } from "../eval/split.ts";
import type { PretrainHooks } from "./types.ts";

/** What a run is asked to do. */
export interface Task {
  run: Run;
  source: ImageSource;
  split: Split;
  /** Steps from the first to the last. */
  total: number;
  hooks: PretrainHooks;
}

/** A run that is under way. */
export interface Session extends Task, AsyncDisposable {
  gpu: Gpu;
  trainer: Trainer;
  /** How training and evaluations read images. */
  pipeline: Omit<BatchOptions, "first" | "limit" | "batch">;
  evaluation: RunEvaluation;
  metrics: Metrics<StepRecord>;
  evaluations: Metrics<EvaluationRecord>;
  progress: Progress;
  bad: BadImages;
}

/**
 * Opens all that a run needs, writes what it is to its folder, and says that it begins.
 *
 * @throws {MachineError} if there is no adapter, or it refuses the memory.
 */
export async function openSession(task: Task): Promise<Session> {
  await using stack = new AsyncDisposableStack();
  const { run: { options, recipe, checkpoint }, source, split, hooks: { signal } } = task;
  const gpu = stack.use(await openGpu());
  const { trainer, probe, chooser, tuning } = await openTrainer(stack, gpu, task);

  await writeConfig(options, { recipe, adapter: gpu });
  await tuning.save(options.out);
  if (!checkpoint) await writePreview(source, { options, recipe, train: split.train, signal });
  const files = await openFiles(stack, task);
  const { size, workers, decodeSize, onBadImage } = options;
  const cache = stack.use(openCache(options, { identity: `${source.fingerprint} ${decodeSize}` }));
  const pipeline = {
    source,
    size,
    recipe,
    workers,
    decodeSize,
    cache: cache.images,
    onBadImage,
    onBad: files.bad.add,
  };
  const evaluation = new RunEvaluation({
    gpu,
    options,
    recipe,
    trainer,
    split,
    pipeline,
    chooser,
    probe,
    signal,
  });
  announce(task, { gpu, trainer, log: files.progress.log });
  const open = stack.move();
  return {
    ...task,
    ...files,
    gpu,
    trainer,
    pipeline,
    evaluation,
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/** The networks as the checkpoint has them, or drawn; and how their kernels were chosen. */
async function openTrainer(
  stack: AsyncDisposableStack,
  gpu: Gpu,
  { run, source, split, hooks }: Task,
): Promise<
  { trainer: Trainer; probe: OnlineProbe | null; chooser: KernelChooser | undefined; tuning: TuningFile }
> {
  const { options, recipe, checkpoint } = run;
  const tuning = await openTuningCache<Decision>({ run: hooks.resume ? options.out : null });
  const chooser = await chooseKernels(gpu, { options, recipe, tuning, print: hooks.print ?? console.log });
  const training = { ...trainerOptions(options, recipe), chooser };
  let probe: OnlineProbe | null = null;
  const observer: AuxiliaryHeadFactory = (step) => {
    const dims = featuresOf(training.architecture.backbone), classes = source.classes.length;
    return probe = new OnlineProbe({ ...step, dims, classes });
  };
  const probed = split.holdout > 0 && source.classes.length > 1;
  const trainer = stack.use(new Trainer(gpu, { ...training, ...probed && { auxiliaryHead: observer } }));
  if (checkpoint) {
    const expected = trainer.stateShapes();
    expectTensors(`${options.out}, step ${checkpoint.step}`, { found: checkpoint.tensors, expected });
    trainer.restore(checkpoint.tensors);
  } else {
    trainer.initialize(options);
  }
  await trainer.settled();
  return { trainer, probe, chooser, tuning };
}

type TuningFile = Awaited<ReturnType<typeof openTuningCache<Decision>>>;

/** The run's files of metrics and bad images, and the progress on the terminal. */
async function openFiles(stack: AsyncDisposableStack, { run, source, total, hooks }: Task) {
  const { out, maxBad, onBadImage } = run.options, start = run.checkpoint?.step ?? 0;
  const keepThroughStep = hooks.resume ? start : undefined;
  const metrics = stack.use(
    await openMetrics<StepRecord>(join(out, "metrics.jsonl"), { keepThroughStep }),
  );
  const evaluations = stack.use(
    await openMetrics<EvaluationRecord>(join(out, "evaluations.jsonl"), { keepThroughStep }),
  );
  const progress = stack.use((hooks.progress ?? createLines)({ total, start, print: hooks.print }));
  const bad = stack.use(
    await BadImages.open(out, {
      resume: hooks.resume ?? false,
      log: progress.log,
      source: source.name,
      most: maxBad ?? defaultMaxBad(source),
      verb: onBadImage === "substitute" ? "Replaced" : "Skipped",
    }),
  );
  return { metrics, evaluations, progress, bad };
}

/** How many images may be bad, if `--max-bad` is not given. */
function defaultMaxBad({ length }: ImageSource): number {
  return length === null ? 1000 : Math.max(10, Math.floor(length / 10));
}

function announce(
  { run: { options, checkpoint }, source, total }: Task,
  { gpu, trainer, log }: { gpu: Gpu; trainer: Trainer; log: (line: string) => void },
): void {
  const { batch, accumulate, backbone, out } = options;
  const begin = checkpoint ? `Resuming at step ${checkpoint.step} of` : "Training";
  const memory = (trainer.plannedBytes / 1e6).toFixed(0);
  log(
    `${begin} ${total} steps of ${batch * accumulate} images from ${source.name} on ${gpu.description}: ` +
      `${backbone}, ${memory} MB of GPU memory, results in ${out}`,
  );
}
