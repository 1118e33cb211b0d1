/**
 * The training loop: algorithm 1 of the paper, with what a run writes down as it goes.
 *
 * @module
 */
import { trainingBatches, type Views } from "../../data/pipeline.ts";
import type { Clock } from "./clock.ts";
import { onAbort } from "../base/on_abort.ts";
import type { Pacer } from "./pacer.ts";
import type { Recorder } from "./recorder.ts";
import { evaluationLine } from "./summary.ts";
import type { Session } from "./session.ts";

/** What keeps the time and the books of a loop. */
export interface Books {
  clock: Clock;
  pacer: Pacer;
  recorder: Recorder;
}

/**
 * Trains until the last step is submitted, or until the signal is aborted and the step at hand is whole.
 *
 * @throws {UserError} if the loss is not finite, or too many images are bad.
 * @throws {CollapseError} if the run collapses and is to stop then, after a checkpoint.
 */
export async function train(session: Session, { clock, pacer, recorder }: Books): Promise<void> {
  const { run: { options: { augment, batch, seed } }, trainer, pipeline, split, total, hooks: { signal } } =
    session;
  recorder.expectSound();
  if (recorder.step === total) return;
  const evaluateIfDue = evaluator(session, { clock, pacer, recorder });
  const reader = trainingBatches<Views>({
    ...pipeline,
    augment,
    limit: split.train,
    batch,
    seed,
    start: recorder.position,
  }).getReader();
  // A server may keep us waiting for long; a step of several batches is ended first.
  using _ = onAbort(signal, () => recorder.betweenSteps && reader.cancel());
  try {
    while (recorder.step < total && !(signal?.aborted && recorder.betweenSteps)) {
      // Draw a batch of images and two augmentations of each …
      const { value } = await clock.waiting(reader.read());
      if (!value && signal?.aborted) break;
      if (!value) throw new Error("The endless stream of batches ended");
      // … and take the gradient of the loss, the optimizer's step, and the moving average, all on the GPU.
      trainer.step(value.views, { ...recorder.next(), labels: value.labels });
      const bytes = uploadedBytes(value.views);
      value.release();
      await pacer.submitted(bytes);
      recorder.submitted(value);
      await evaluateIfDue(value);
      await recorder.reportIfDue();
    }
  } finally {
    await reader.cancel();
  }
}

/** Evaluates after the last step of an epoch that `--eval-every` names, and after the last of all. */
function evaluator(
  { run: { options: { evalEvery } }, split, total, evaluation, evaluations, progress }: Session,
  { clock, pacer, recorder }: Books,
): (batch: { epoch: number; next: { epoch: number } }) => Promise<void> {
  /** Whether such an epoch has ended; the evaluation waits until the step at hand is whole. */
  let epochEnded = false;
  return async ({ epoch, next }) => {
    epochEnded ||= next.epoch > epoch && evalEvery > 0 && next.epoch % evalEvery === 0;
    if (split.holdout === 0 || !recorder.betweenSteps || !(epochEnded || recorder.step === total)) return;
    epochEnded = false;
    // Before a checkpoint of this step is written, so that a resumed run has the line too.
    await pacer.drain();
    const record = await clock.apart(() => evaluation.online({ step: recorder.step, epoch: next.epoch }));
    evaluations.write(record);
    evaluations.flush(); // a checkpoint counts on it
    progress.log(evaluationLine(record));
  };
}

/** What a batch takes on its way to the GPU. */
function uploadedBytes(views: Views): number {
  return ArrayBuffer.isView(views)
    ? views.byteLength
    : views.reduce((sum, { pixels }) => sum + pixels.byteLength, 0);
}
