/**
 * The training loop: algorithm 1 of the paper, with what a run records as it goes.
 *
 * @module
 */
import { trainingBatches, type Views } from "../../data/pipeline.ts";
import { ABORTED, unlessAborted } from "./abort.ts";
import type { Clock } from "./clock.ts";
import type { Pacer } from "./pacer.ts";
import { PATIENCE_MS, STALLED, unlessStalled } from "../base/patience.ts";
import type { Recorder } from "./recorder.ts";
import { scheduledScalars } from "./schedule.ts";
import type { Session } from "./session.ts";
import { evaluationLine } from "./summary.ts";

/** What measures and records a loop. */
export interface Instruments {
  clock: Clock;
  pacer: Pacer;
  recorder: Recorder;
}

/**
 * Trains until the last step is submitted, or until the signal is aborted and the current step is complete. A step whose
 * images do not come then stays incomplete.
 *
 * @throws {UserError} if the loss is not finite, or too many images are bad.
 * @throws {CollapseError} if the run collapses and `stopOnCollapse` is set, after a checkpoint.
 */
export async function train(session: Session, instruments: Instruments): Promise<void> {
  const { run: { options }, trainer, total, signal, world } = session;
  const { clock, pacer, recorder } = instruments;
  recorder.expectHealthy();
  if (recorder.step === total) return;
  const evaluateIfDue = evaluator(session, instruments), reader = batchReader(session, recorder);
  // Several ranks stop where all agree on it.
  let isAgreed = (await world.meet("the first step", { stop: Number(signal?.aborted ?? false) })).stop > 0;
  const mustStop = () => world.size > 1 ? isAgreed : signal?.aborted;
  let isStalled = false;
  try {
    while (recorder.step < total && !(mustStop() && recorder.betweenSteps)) {
      // Draw a batch of images and two augmentations of each …
      const patienceMs = recorder.betweenSteps ? 0 : PATIENCE_MS;
      const patience = { signal: world.size > 1 ? undefined : signal, patienceMs };
      const read = await clock.waiting(unlessStalled(reader.read(), patience));
      isStalled = read === STALLED;
      if (read === STALLED) break;
      const { value: batch } = read;
      if (!batch) throw new Error("The endless stream of batches ended");
      // … then, all on the GPU: the gradient of the loss, the optimizer's step, and the moving average.
      const scalars = scheduledScalars(recorder.step, { options, total });
      trainer.step(batch.views, { ...scalars, ...recorder.next(), labels: batch.labels });
      const bytes = uploadedBytes(batch.views);
      batch.release();
      await pacer.submitted(bytes);
      const agreement = await trainer.join(Number(signal?.aborted ?? false));
      isAgreed ||= (agreement?.stop ?? 0) > 0;
      let isEvaluated = true;
      for (const place of batch.places) {
        recorder.submitted(place);
        isEvaluated = await evaluateIfDue(place);
      }
      if (!isEvaluated) break;
      await recorder.reportIfDue();
    }
  } finally {
    await trainer.endRound();
    const canceled = reader.cancel();
    // To cancel waits for what is being read.
    if (isStalled) canceled.catch(() => {});
    else await canceled;
  }
}

/** Reads the batches of the run, from where `recorder` stands. */
function batchReader(
  { run: { options: { augment, batch, seed } }, pipeline, parts, world: { rank, size } }: Session,
  { position }: Recorder,
) {
  const share = size > 1 ? { rank, ranks: size } : undefined;
  const order = { batch, seed, start: position, share };
  return trainingBatches<Views>({ ...pipeline, source: parts.train, augment, ...order }).getReader();
}

/**
 * Evaluates after the epochs of the schedule and after the last step. Its result is false if the signal was aborted and the
 * images for that did not come: a run that went on from here would lack the record.
 */
function evaluator(
  { parts, total, schedule, evaluation, evaluations, observers, progress, callbacks }: Session,
  { clock, pacer, recorder }: Instruments,
): (batch: { epoch: number; next: { epoch: number } }) => Promise<boolean> {
  /** Whether such an epoch has ended; the evaluation waits until the current step is complete. */
  let epochEnded = false;
  return async ({ epoch, next }) => {
    epochEnded ||= schedule.isDue(epoch, next.epoch);
    if (!parts.heldOut || !recorder.betweenSteps || !(epochEnded || recorder.step === total)) {
      return true;
    }
    epochEnded = false;
    // Before the checkpoint of this step, so that a resumed run has the record too.
    await pacer.drain();
    const after = { step: recorder.step, epoch: next.epoch };
    const evaluate = () =>
      evaluation.online(after, async (observed) => {
        const { record, advice } = observed;
        evaluations.write(record);
        evaluations.flush(); // the checkpoint relies on it
        progress.log(evaluationLine(record));
        if (advice) progress.log(advice);
        callbacks.onEvaluation?.(record);
        await observers.evaluated(observed);
      });
    const done = await unlessAborted(callbacks.signal, () => clock.excluding(evaluate));
    if (done === ABORTED) recorder.leaveStep();
    return done !== ABORTED;
  };
}

/** The bytes of a batch on their way to the GPU. */
function uploadedBytes(views: Views): number {
  return ArrayBuffer.isView(views)
    ? views.byteLength
    : views.reduce((sum, { pixels }) => sum + pixels.byteLength, 0);
}
