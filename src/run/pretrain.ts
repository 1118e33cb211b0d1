/**
 * Pre-training: where the data meets the networks.
 *
 * @module
 */
import { checkSubstitutable } from "../../data/pipeline.ts";
import type { ImageSource } from "../../data/sources/types.ts";
import { openSource } from "../../data/sources/open.ts";
import type { PretrainOptions } from "../config/train_flags.ts";
import { Clock } from "./clock.ts";
import { UserError } from "../base/errors.ts";
import { Pacer } from "./pacer.ts";
import { Recorder } from "./recorder.ts";
import type { KnnBefore } from "./records.ts";
import { newRun, resumedRun, type Run } from "./folder.ts";
import { finishedSummary, knnLine } from "./summary.ts";
import { type Split, split } from "../eval/split.ts";
import { ABORTED, finish, unlessAborted } from "./finish.ts";
import { openSession, type Session } from "./session.ts";
import { train } from "./train.ts";
import type { PretrainHooks, PretrainResult } from "./types.ts";

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
export async function pretrain(
  given: PretrainOptions = {},
  hooks: PretrainHooks = {},
): Promise<PretrainResult> {
  const run = await (hooks.resume ? resumedRun(given) : newRun(given));
  const { options: { out, data }, checkpoint } = run, begun = checkpoint?.step ?? 0;
  const source = await unlessAborted({ hooks }, () => openSource(data, hooks));
  if (source === ABORTED) {
    return { out, step: begun, total: run.options.steps ?? 0, summary: null, collapse: null };
  }
  try {
    checkSubstitutable(source, run.options.onBadImage);
    const parts = split(source, run.options), total = totalSteps(run, parts);
    expectSameData(run, source, hooks);
    const summary = begun >= total ? await finishedSummary(out) : null;
    if (summary) return { out, step: total, total, collapse: summary.collapse, summary };
    await using session = await openSession({ run, source, split: parts, total, hooks });
    return await runSession(session);
  } finally {
    source.close();
  }
}

/** Trains from where the session begins to the last step, or to the signal. */
async function runSession(session: Session): Promise<PretrainResult> {
  const { run: { options, recipe, checkpoint }, source, total, trainer, progress } = session,
    { out } = options;
  const knn = checkpoint ? checkpoint.metadata.knn as KnnBefore | null : await knnBefore(session);
  const clock = new Clock({ delay: await settlingTime(session) });
  const pacer = new Pacer({ clock, settled: () => trainer.settled() });
  if (knn === ABORTED) {
    progress.stop();
    return { out, step: 0, total, collapse: null, summary: null };
  }
  const { metrics, bad } = session, { fingerprint } = source;
  const recorder = new Recorder(
    { options, recipe, total, trainer, metrics, progress, bad, clock, pacer, fingerprint, knn },
    checkpoint,
  );
  const books = { clock, pacer, recorder };
  await train(session, books);
  const summary = recorder.step < total
    ? (await recorder.save(), null)
    : await finish(session, { ...books, knn });
  progress.stop();
  return { out, step: recorder.step, total, collapse: recorder.collapse, summary };
}

/** The steps of a whole run: those asked for, or as many as the epochs have. */
function totalSteps({ options }: Run, { train }: Split): number {
  const { steps, epochs, batch, accumulate } = options;
  if (steps !== null) return steps;
  const batches = epochs! * Math.floor(train! / batch), total = Math.floor(batches / accumulate);
  if (total >= 1) return total;
  throw new UserError(
    `Cannot train for ${epochs} epochs in steps of ${accumulate} batches as these must have as many: ` +
      `they have ${batches}. Lower --accumulate or --batch, or raise --epochs.`,
  );
}

function expectSameData(
  { options: { out }, checkpoint }: Run,
  source: ImageSource,
  { allowChangedData }: PretrainHooks,
): void {
  if (!checkpoint || checkpoint.metadata.fingerprint === source.fingerprint || allowChangedData) return;
  throw new UserError(
    `Cannot resume the run in ${out} as ${source.name} has changed: expected the images that it began with. ` +
      `Restore them, begin a new run, or go on with what is there now: --allow-changed-data.`,
  );
}

/** kNN accuracies before the first step; null without labels on both sides of the split. */
async function knnBefore(session: Session): Promise<KnnBefore | null | typeof ABORTED> {
  const { split: { holdout }, source, evaluation, progress } = session;
  if (holdout === 0 || source.classes.length <= 1) return null;
  const accuracies = await unlessAborted(
    session,
    async () => [await evaluation.pixelAccuracy(), await evaluation.encoderAccuracy()],
  );
  if (accuracies === ABORTED) return ABORTED;
  const [raw_pixels, untrained] = accuracies;
  const knn = raw_pixels !== null && untrained !== null ? { raw_pixels, untrained } : null;
  progress.log(
    knn
      ? `kNN before training: ${knnLine(knn)}`
      : "No kNN: the samples that train or those held out have no labels",
  );
  return knn;
}

/** Milliseconds that it takes to be told that an idle GPU is idle. */
async function settlingTime({ trainer }: Session): Promise<number> {
  await trainer.settled();
  const begin = performance.now();
  await trainer.settled();
  return performance.now() - begin;
}
