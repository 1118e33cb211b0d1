/**
 * One run from its folder to its result: open a session, train, finish.
 *
 * @module
 */
import { counting } from "../../data/count.ts";
import type { Division } from "../../data/divide.ts";
import { checkSubstitutable } from "../../data/pipeline.ts";
import { openSource } from "../../data/sources/open.ts";
import type { ImageSource, StreamedSource } from "../../data/sources/types.ts";
import { UserError } from "../base/errors.ts";
import type { PretrainCallbacks } from "../config/callbacks.ts";
import { isImageSource } from "../config/check_options.ts";
import type { PretrainOptions } from "../config/pretrain_options.ts";
import { shortSource } from "../config/source_paths.ts";
import { dataLine } from "../eval/data_report.ts";
import { partsOf } from "../eval/parts.ts";
import { ABORTED, unlessAborted } from "./abort.ts";
import { type World, worldOfOne } from "../distributed/world.ts";
import { Clock } from "./clock.ts";
import { reportOnRun } from "./data_file.ts";
import { finish } from "./finish.ts";
import type { Run } from "./folder.ts";
import { reportingEnd } from "./observers.ts";
import { Pacer } from "./pacer.ts";
import { callbacksOf, expectSameSource } from "./ranks.ts";
import { Recorder } from "./recorder.ts";
import type { KnnBefore } from "./records.ts";
import type { PretrainResult } from "./result.ts";
import { openSession, type Session } from "./session.ts";
import { knnLine, readSummary } from "./summary.ts";
import { TimeLeft } from "./time_left.ts";
import { train } from "./train.ts";

/** How a run is executed. */
export interface ExecuteOptions {
  /** The images if a program gave a source of its own; otherwise the run's options name them. */
  data?: PretrainOptions["data"];
  /** Whether to go on with changed data. */
  allowChangedData?: boolean;
  callbacks: PretrainCallbacks;
  /** The ranks that train together. */
  world?: World;
}

/** Trains `run` from where it was left to its last step, or until the signal is aborted. */
export async function execute(
  run: Run,
  { data, allowChangedData = false, callbacks: given, world = worldOfOne }: ExecuteOptions,
): Promise<PretrainResult> {
  const callbacks = callbacksOf(world, given);
  const { options: { out, steps, onBadImage }, checkpoint } = run, done = checkpoint?.step ?? 0;
  const opened = await unlessAborted(callbacks.signal, () => sourceOf(run, { data, callbacks }));
  const stopped = { out, step: done, total: steps ?? 0, summary: null, collapse: null };
  if (opened === ABORTED) return stopped;
  using _ = opened;
  const counter = opened.source.length === null ? counting(opened.source as StreamedSource) : null;
  const source = counter?.source ?? opened.source;
  checkSubstitutable(source, onBadImage);
  const parts = partsOf(source, run.options), total = totalSteps(run, parts);
  await expectSameSource(world, source);
  if (!allowChangedData) expectSameData(run, source);
  const summary = done >= total ? await world.first("the summary", () => readSummary(out)) : null;
  if (summary) return { out, step: total, total, collapse: summary.collapse, summary };
  const { log = console.log } = callbacks, counts = counter?.counts ?? null;
  const report = reportOnRun(source, parts);
  log(dataLine(report));
  const session = await unlessAborted(
    callbacks.signal,
    () => openSession({ run, source, counts, parts, report, total, callbacks, world, signal: given.signal }),
  );
  if (session === ABORTED) return { ...stopped, total };
  await using _session = session;
  return await reportingEnd(session.observers, () => runSession(session));
}

/** Trains from where the session starts to the last step, or until the signal is aborted. */
async function runSession(session: Session): Promise<PretrainResult> {
  const {
    run,
    source,
    total,
    trainer,
    progress,
    metrics,
    bad,
    schedule,
    learning,
    observers,
    callbacks,
    world,
  } = session;
  const { options: { out }, checkpoint } = run;
  const knn = checkpoint ? knnIn(checkpoint.metadata) : await unlessAborted(
    callbacks.signal,
    () => beforeTraining(session),
  );
  const clock = new Clock({ delay: await settlingTime(session) });
  const pacer = new Pacer({ clock, settled: () => trainer.settled() });
  if (knn === ABORTED) {
    progress.stop();
    return { out, step: 0, total, collapse: null, summary: null };
  }
  const { fingerprint } = source, timeLeft = new TimeLeft({ total, clock, schedule }, checkpoint?.step ?? 0);
  const recorder = new Recorder({
    ...run,
    ...{
      total,
      trainer,
      metrics,
      progress,
      bad,
      clock,
      pacer,
      timeLeft,
      learning,
      fingerprint,
      knn,
      callbacks,
      observers,
      world,
    },
  }, checkpoint);
  const instruments = { clock, pacer, recorder };
  await train(session, instruments);
  const { step, canSave } = recorder;
  if (!canSave) {
    const what = recorder.betweenSteps ? `the evaluation after step ${step}` : `step ${step + 1}`;
    progress.log(`The images for ${what} did not come: the last checkpoint is of step ${recorder.saved}.`);
  }
  const state = canSave ? await recorder.save() : null;
  const summary = step === total && state ? await finish(session, { ...instruments, knn, state }) : null;
  progress.stop();
  return { out, step: recorder.saved, total, collapse: recorder.collapse, summary };
}

/** The images of the run; disposing of them closes what was opened here, not the program's own source. */
async function sourceOf(
  { options: { out, data: named, split, label } }: Run,
  { data, callbacks: { signal } }: ExecuteOptions,
): Promise<Disposable & { source: ImageSource }> {
  if (isImageSource(data)) return { source: data, [Symbol.dispose]() {} };
  if (named === null) {
    throw new UserError(
      `Cannot resume the run in "${out}": its data was a source of a program, which must give it again. Resume it by ` +
        `resume(folder, { data }).`,
    );
  }
  const options = { split: split ?? undefined, label: label ?? undefined, signal };
  const source = await openSource(shortSource(named), options);
  return { source, [Symbol.dispose]: () => source.close() };
}

/** The steps of a whole run: as it began, the option `steps`, or as many as the epochs have. */
function totalSteps({ options, began, checkpoint }: Run, { train }: Division): number {
  const { steps, epochs, batch, accumulate } = options;
  // Also with changed data the learning rate and τ go on along the curves that they follow.
  if (checkpoint && began?.totalSteps) return began.totalSteps;
  if (steps !== null) return steps;
  const batches = epochs! * Math.floor(train.length! / batch), total = Math.floor(batches / accumulate);
  if (total >= 1) return total;
  throw new UserError(
    `Cannot train for ${epochs} epochs in steps of ${accumulate} batches: the epochs have only ${batches} batches. Lower ` +
      `--accumulate or --batch, or raise --epochs.`,
  );
}

function expectSameData({ options: { out }, began, checkpoint }: Run, source: ImageSource): void {
  if (!checkpoint || (began?.fingerprint ?? checkpoint.metadata.fingerprint) === source.fingerprint) return;
  throw new UserError(
    `Cannot resume the run in "${out}": the images of ${source.name} have changed since it began. Restore them, start a ` +
      `new run, or continue with the images there are now: --allow-changed-data.`,
  );
}

/** kNN accuracies before the first step, as a checkpoint has them. */
function knnIn({ knn }: Readonly<Record<string, unknown>>): KnnBefore | null {
  const figures = knn as { raw_pixels: number; untrained: number } | null;
  return figures && { rawPixels: figures.raw_pixels, untrained: figures.untrained };
}

/** Observes the encoder that training starts from; its kNN accuracy, as {@linkcode knnBefore} says. */
async function beforeTraining(session: Session): Promise<KnnBefore | null> {
  const knn = await knnBefore(session), { parts, evaluation, observers } = session;
  if (parts.heldOut) await evaluation.initial((observed) => observers.evaluated(observed));
  return knn;
}

/** kNN accuracies before the first step; null without held-out images whose classes the training images have. */
async function knnBefore({ run, parts, source, evaluation, progress }: Session): Promise<KnnBefore | null> {
  if (!parts.heldOut || source.classes.length <= 1) return null;
  const rawPixels = await evaluation.pixelAccuracy(), untrained = await evaluation.encoderAccuracy();
  const knn = rawPixels !== null && untrained !== null ? { rawPixels, untrained } : null;
  progress.log(
    knn
      ? `kNN before training: ${knnLine(knn, run.options)}`
      : "No kNN: no held-out image has a label that a training image has",
  );
  return knn;
}

/** Milliseconds until Deno reports that an idle GPU is idle. */
async function settlingTime({ trainer }: Session): Promise<number> {
  await trainer.settled();
  const begin = performance.now();
  await trainer.settled();
  return performance.now() - begin;
}
