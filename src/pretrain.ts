/**
 * Pre-training: where the data meets the networks.
 *
 * @module
 */
import { join } from "node:path";
import { expectSubstitutes, trainingBatches, type Views } from "../data/pipeline.ts";
import { type ImageSource, openSource } from "../data/source.ts";
import type { Recipe } from "./augment/recipe.ts";
import type { ObserverFactory } from "./byol/observer.ts";
import { backboneOf, Trainer } from "./byol/trainer.ts";
import { Clock } from "./clock.ts";
import { createProgress } from "./cli/progress.ts";
import type { TrainOptions } from "./cli/train_defaults.ts";
import type { GivenTrainFlags } from "./cli/train_flags.ts";
import { UserError } from "./errors.ts";
import { OnlineProbe } from "./eval/online_probe.ts";
import type { Collapse } from "./health.ts";
import { openGpu } from "./gpu/device.ts";
import type { Decision } from "./graph/tuner.ts";
import { BadImages } from "./io/bad_images.ts";
import { expectTensors } from "./io/expect_tensors.ts";
import { writeJson } from "./io/json_file.ts";
import { openMetrics } from "./io/metrics.ts";
import { writeSafetensors } from "./io/safetensors.ts";
import { openTuningCache } from "./io/tuning_cache.ts";
import { onAbort } from "./on_abort.ts";
import { featuresOf } from "./nn/resnet.ts";
import { type KnnBefore, Recorder, type StepRecord } from "./recorder.ts";
import { openCache } from "./run_cache.ts";
import { newRun, resumedRun, writeConfig } from "./run_folder.ts";
import { type EvaluationRecord, RunEvaluation } from "./run_evaluation.ts";
import { writePreview } from "./run_preview.ts";
import { choosePick, trainerOptions } from "./run_setup.ts";
import { evaluationLine, finishedSummary, knnLine, type Summary } from "./run_summary.ts";
import { split } from "./split.ts";

/** The end of a run, or its interruption. */
export interface Outcome {
  /** The run's folder. */
  out: string;
  step: number;
  total: number;
  /** When the run collapsed, and what tells; null of a healthy run. */
  collapse: Collapse | null;
  /** Null if the run was interrupted. */
  summary: Summary | null;
}

/** How a run is accompanied. */
export interface PretrainHooks {
  /** Go on with the run in `out` from its last checkpoint. */
  resume?: boolean;
  /** Go on with it although the data are no longer those that it began with. */
  allowChangedData?: boolean;
  /** When aborted, the run finishes its step, writes a checkpoint and returns. */
  signal?: AbortSignal;
  /** Receives what the run has to say; by default it is printed. */
  print?: (line: string) => void;
}

/** Batches submitted before the GPU has done with them take about so many bytes at most, and are at most so many. */
const BYTES_AHEAD = 2 ** 28, STEPS_AHEAD = 8;
/** How many images may be bad, if it is not said. */
function usualMostBad({ length }: ImageSource): number {
  return length === null ? 1000 : Math.max(10, Math.floor(length / 10));
}

/**
 * Trains an encoder by BYOL on unlabelled images, and writes it to a folder.
 *
 * @param given The options of `train.ts` by name; what is left out has the default that `--help` tells.
 * @returns where the run's files are, and what it came to.
 * @throws {UserError} on input that cannot be used, as a rule before anything is written; and if the loss is not finite.
 * @throws {CollapseError} if the run collapses and is to stop then, after a checkpoint.
 * @throws {MachineError} if there is no adapter, or it refuses the memory, or the disk does.
 *
 * @example
 * ```ts
 * import { pretrain } from "./pretrain.ts";
 *
 * const out = await Deno.makeTempDir();
 * const { summary } = await pretrain({ data: "shapes:64", holdout: 0, batch: 16, steps: 2, out }, { print() {} });
 * console.log(summary?.final_loss);
 * ```
 */
export async function pretrain(given: GivenTrainFlags = {}, hooks: PretrainHooks = {}): Promise<Outcome> {
  const { options, recipe, checkpoint } = await (hooks.resume ? resumedRun(given) : newRun(given));
  const { out, batch, size, seed, workers, augment, decodeSize, onBadImage } = options;
  const source = await openSource(options.data, hooks).catch((error) => {
    if (hooks.signal?.aborted) return null;
    throw error;
  });
  if (!source) {
    return { out, step: checkpoint?.step ?? 0, total: options.steps ?? 0, summary: null, collapse: null };
  }
  try {
    expectSubstitutes(source, onBadImage);
    const { fingerprint } = source;
    const { train, holdout } = split(source, options);
    const total = options.steps ??
      Math.floor(options.epochs! * Math.floor(train! / batch) / options.accumulate);
    if (total < 1) {
      throw new UserError(
        `Cannot train for ${options.epochs} epochs in steps of ${options.accumulate} batches as these must have as many: ` +
          `they have ${
            options.epochs! * Math.floor(train! / batch)
          }. Lower --accumulate or --batch, or raise --epochs.`,
      );
    }
    if (checkpoint && checkpoint.metadata.fingerprint !== fingerprint && !hooks.allowChangedData) {
      throw new UserError(
        `Cannot resume the run in ${out} as ${source.name} has changed: expected the images that it began with. ` +
          `Restore them, begin a new run, or go on with what is there now: --allow-changed-data.`,
      );
    }
    if (checkpoint && checkpoint.step >= total) {
      const summary = await finishedSummary(out);
      if (summary) return { out, step: total, total, collapse: summary.collapse, summary };
    }
    using gpu = await openGpu();
    const tuning = await openTuningCache<Decision>({ run: hooks.resume ? out : null });
    const pick = await choosePick(gpu, { options, recipe, tuning, print: hooks.print ?? console.log });
    const training = { ...trainerOptions(options, recipe), pick }, evaluates = holdout > 0;
    let probe: OnlineProbe | null = null;
    const observer: ObserverFactory = (step) => {
      const dims = featuresOf(training.architecture.backbone), classes = source.classes.length;
      return probe = new OnlineProbe({ ...step, dims, classes });
    };
    // A run that began without the probe, with an older version, goes on without it.
    const probes = evaluates && source.classes.length > 1 &&
      (!checkpoint || [...checkpoint.tensors.keys()].some((name) => name.startsWith("probe.")));
    using trainer = new Trainer(gpu, { ...training, ...probes && { observer } });
    if (checkpoint) {
      expectTensors(`${out}, step ${checkpoint.step}`, {
        found: checkpoint.tensors,
        expected: trainer.stateShapes(),
      });
      trainer.restore(checkpoint.tensors);
    } else {
      trainer.initialize(options);
    }
    await trainer.settled();

    await writeConfig(options, { recipe, adapter: gpu });
    await tuning.save(out);
    if (!checkpoint) await writePreview(source, { options, recipe, train, signal: hooks.signal });
    const start = checkpoint?.step ?? 0;
    using metrics = await openMetrics<StepRecord>(join(out, "metrics.jsonl"), {
      keepThroughStep: hooks.resume ? start : undefined,
    });
    using evaluations = await openMetrics<EvaluationRecord>(join(out, "evaluations.jsonl"), {
      keepThroughStep: hooks.resume ? start : undefined,
    });
    using progress = createProgress({
      total,
      start,
      ...(hooks.print && { print: hooks.print, terminal: false }),
    });
    await using bad = await BadImages.open(out, {
      resume: hooks.resume ?? false,
      log: progress.log,
      source: source.name,
      most: options.maxBad ?? usualMostBad(source),
      verb: onBadImage === "substitute" ? "Replaced" : "Skipped",
    });
    using cache = openCache(options, { identity: `${fingerprint} ${decodeSize}` });
    const pipeline = {
      source,
      size,
      recipe,
      workers,
      decodeSize,
      cache: cache.images,
      onBadImage,
      onBad: bad.add,
    };
    const evaluation = new RunEvaluation({
      gpu,
      options,
      recipe,
      trainer,
      split: { train, holdout },
      pipeline,
      pick,
      probe,
      signal: hooks.signal,
    });
    const interrupted = (step: number, collapse: Collapse | null = null): Outcome => {
      progress.stop();
      return { out, step, total, collapse, summary: null };
    };

    progress.log(
      `${checkpoint ? `Resuming at step ${start} of` : "Training"} ${total} steps of ${
        batch * options.accumulate
      } images from ${source.name} ` +
        `on ${gpu.description}: ${options.backbone}, ${
          (trainer.plannedBytes / 1e6).toFixed(0)
        } MB of GPU memory, results in ${out}`,
    );
    let before = checkpoint ? checkpoint.metadata.knn as KnnBefore | null : null;
    if (holdout > 0 && source.classes.length > 1 && !checkpoint) {
      try {
        const [raw_pixels, untrained] = [
          await evaluation.pixelAccuracy(),
          await evaluation.encoderAccuracy(),
        ];
        if (raw_pixels !== null && untrained !== null) before = { raw_pixels, untrained };
      } catch (error) {
        if (hooks.signal?.aborted) return interrupted(0);
        throw error;
      }
      progress.log(
        before
          ? `kNN before training: ${knnLine(before)}`
          : "No kNN: the samples that train or those held out have no labels",
      );
    }

    const clock = new Clock({ delay: await settlingTime(trainer) });
    const recorder = new Recorder({
      options,
      recipe,
      total,
      trainer,
      metrics,
      progress,
      bad,
      clock,
      fingerprint,
      knn: before,
    }, checkpoint);
    recorder.expectSound();
    if (recorder.step < total) {
      const stepsAhead = Math.max(
        1,
        Math.min(STEPS_AHEAD, Math.floor(BYTES_AHEAD / (2 * batch * size * size * 16))),
      );
      let earlier = Promise.resolve(), ahead = 0;
      /** Whether an epoch that an evaluation follows has ended; it waits until the step at hand is whole. */
      let epochEnded = false;
      const start = recorder.position;
      const batches = trainingBatches<Views>({ ...pipeline, augment, limit: train, batch, seed, start })
        .getReader();
      // A server may keep us waiting for long; a step of several batches is ended first.
      using _ = onAbort(hooks.signal, () => recorder.betweenSteps && batches.cancel());
      try {
        while (recorder.step < total && !(hooks.signal?.aborted && recorder.betweenSteps)) {
          const { value } = await clock.waiting(batches.read());
          if (!value && hooks.signal?.aborted) break;
          if (!value) throw new Error("The endless stream of batches ended");
          trainer.step(value.views, { ...recorder.next(), labels: value.labels });
          value.release();
          const done = clock.submitted(trainer.settled());
          done.catch(() => {}); // A failure is met where `done` is awaited, or by the next step's check.
          recorder.submitted(value);
          if (++ahead % stepsAhead === 0) {
            await earlier;
            earlier = done;
          }
          const { epoch, next } = value;
          epochEnded ||= next.epoch > epoch && options.evalEvery > 0 && next.epoch % options.evalEvery === 0;
          if (evaluates && recorder.betweenSteps && (epochEnded || recorder.step === total)) {
            epochEnded = false;
            // Before a checkpoint of this step is written, so that a resumed run has the line too.
            await done;
            const place = { step: recorder.step, epoch: next.epoch };
            const record = await clock.apart(() => evaluation.online(place));
            evaluations.write(record);
            evaluations.flush(); // a checkpoint counts on it
            progress.log(evaluationLine(record));
          }
          await recorder.reportIfDue();
        }
      } finally {
        await batches.cancel();
      }
    }
    if (recorder.step < total) {
      await recorder.save();
      return interrupted(recorder.step, recorder.collapse);
    }

    const state = await recorder.save();
    const { seconds } = clock;
    const encoderPath = join(out, "encoder.safetensors");
    await writeSafetensors(encoderPath, {
      tensors: backboneOf(state),
      metadata: { ...encoderMetadata(options, recipe), fingerprint },
    });
    let trained: number | null = null;
    try {
      trained = before && await evaluation.encoderAccuracy();
    } catch (error) {
      if (hooks.signal?.aborted) return interrupted(total, recorder.collapse);
      throw error;
    }
    const knn = before && trained !== null ? { ...before, trained } : null;
    const summary: Summary = {
      knn,
      final_loss: recorder.loss,
      seconds,
      images_per_second: (total - start) * batch * options.accumulate / seconds,
      collapse: recorder.collapse,
    };
    await writeJson(join(out, "summary.json"), summary);
    await bad.flush();
    progress.stop();
    progress.log(
      `The encoder is in ${encoderPath}${
        bad.count ? `; ${bad.count} images were ${onBadImage === "substitute" ? "replaced" : "skipped"}` : ""
      }`,
    );
    if (knn) progress.log(`kNN: ${knnLine(knn)}`);
    return { out, step: total, total, collapse: summary.collapse, summary };
  } finally {
    source.close();
  }
}

/** Milliseconds that it takes to be told that an idle GPU is idle. */
async function settlingTime(trainer: Trainer): Promise<number> {
  await trainer.settled();
  const begin = performance.now();
  await trainer.settled();
  return performance.now() - begin;
}

/** What a user of the encoder must know: how images are prepared, and which network the weights belong to. */
function encoderMetadata(
  { backbone, stem, size }: TrainOptions,
  { mean, std }: Recipe,
): Record<string, string> {
  return { backbone, stem, size: `${size}`, mean: JSON.stringify(mean), std: JSON.stringify(std) };
}
