/**
 * Counts the steps of a run, and decides when metrics are read and checkpoints written.
 *
 * @module
 */
import type { Position } from "../../data/pipeline.ts";
import type { Recipe } from "../../data/views/recipe.ts";
import type { Submission, Trainer } from "../byol/trainer.ts";
import { type World, worldOfOne } from "../distributed/world.ts";
import type { LoadedCheckpoint } from "../io/checkpoint.ts";
import type { TorchTensor } from "../nn/weights.ts";
import type { RunObserver } from "../report/observer.ts";
import type { BadImages } from "./bad_images.ts";
import type { Collapse, CollapseState } from "./collapse.ts";
import { CollapseWatch } from "./collapse_watch.ts";
import type { LearningWatch } from "./learning_watch.ts";
import type { KnnBefore } from "./records.ts";
import { type SkippedSteps, StepLog, type StepLogOptions } from "./step_log.ts";
import { expectFinite, expectSameState, writeCheckpoint } from "./write_checkpoint.ts";

/** What a recorder records, and where. */
export interface RecorderOptions extends StepLogOptions {
  trainer: Trainer;
  recipe: Recipe;
  bad: BadImages;
  /** The source's. */
  fingerprint: string;
  knn: KnnBefore | null;
  learning: Pick<LearningWatch, "state" | "verdict">;
  observers: StepLogOptions["observers"] & Pick<RunObserver, "progressed" | "checkpointed" | "collapsed">;
  world?: World;
}

/** Records the steps of one run. */
export class Recorder {
  /** Steps submitted, from the start of the run. */
  step: number;
  /** Where the data goes on after these steps. */
  position: Position;
  readonly #run: RecorderOptions;
  readonly #watch: CollapseWatch;
  readonly #log: StepLog;
  /** Batches submitted of the current step. */
  #parts = 0;
  /** The step of the last checkpoint. */
  #saved: number;
  /** Whether the last step lacks its evaluation. */
  #lacksEvaluation = false;

  /** Continues from `checkpoint`; null starts a new run. */
  constructor(run: RecorderOptions, checkpoint: LoadedCheckpoint | null) {
    const { position, loss, health, skipped } = checkpoint?.metadata ?? {};
    this.#run = run;
    this.step = this.#saved = checkpoint?.step ?? 0;
    this.position = position as Position | undefined ?? { epoch: 0, offset: 0 };
    this.#watch = new CollapseWatch({ ...run, log: run.progress.log }, health as CollapseState | undefined);
    this.#log = new StepLog(run, {
      watch: this.#watch,
      loss: loss as number | undefined ?? NaN,
      skipped: skipped as SkippedSteps | undefined,
    });
  }

  /** The loss of the last step read. */
  get loss(): number {
    return this.#log.loss;
  }

  /** The first collapse; null if there was none. */
  get collapse(): Collapse | null {
    return this.#watch.state.collapse;
  }

  /** Whether the current step is complete: a run must not stop between its batches. */
  get betweenSteps(): boolean {
    return this.#parts === 0;
  }

  /** Whether the state is one to go on from: not within a step, nor before the evaluation that follows it. */
  get canSave(): boolean {
    return this.betweenSteps && !this.#lacksEvaluation;
  }

  /** The step of the last checkpoint; 0 without one. */
  get saved(): number {
    return this.#saved;
  }

  /** Leaves the last step without the evaluation that is due. */
  leaveStep(): void {
    this.#lacksEvaluation = true;
  }

  /** Which part of its step the next batch is, and whether the weights are measured after it. */
  next(): Pick<Submission, "part" | "health"> {
    const { options: { accumulate, logEvery }, total } = this.#run, done = this.step + 1;
    const isLast = this.#parts + (this.#run.world?.size ?? 1) >= accumulate; // of this rank
    return { part: this.#parts, health: isLast && (done % logEvery === 0 || done === total) };
  }

  /** Records a batch that was submitted. Its position counts once the step is complete. */
  submitted({ epoch, next }: { epoch: number; next: Position }): void {
    if (++this.#parts < this.#run.options.accumulate) return;
    this.#parts = 0;
    this.position = next;
    this.#log.add(epoch);
    this.step++;
    this.#run.observers.progressed?.(this.step, this.#run.timeLeft.after(this.step));
  }

  /** Reads metrics, writes a checkpoint and shows progress, each if it is due after the last batch. */
  async reportIfDue(): Promise<void> {
    const { options: { checkpointEvery, logEvery }, total } = this.#run;
    if (this.step === total || !this.betweenSteps) return; // save() follows the last step
    if (this.step % logEvery === 0) await this.#log.takeLap();
    if (this.step % checkpointEvery === 0) await this.save();
    else if (this.#log.isDue) await this.#log.read(this.step);
    if (this.#watch.mustStop) {
      await this.save();
      this.#watch.expectHealthy(this.step);
    }
    if (this.step % logEvery === 0) this.#log.show(this.step);
  }

  /** Throws if a resumed run has collapsed before and must stop. */
  expectHealthy(): void {
    this.#watch.expectHealthy(this.step);
  }

  /** Writes a checkpoint, and returns the state in it. A state that is not finite is not written. */
  async save(): Promise<Map<string, TorchTensor>> {
    const { trainer, metrics, bad, world = worldOfOne } = this.#run, { step } = this;
    await this.#log.read(step);
    const tensors = await trainer.state();
    expectFinite(tensors, step);
    if (world.size > 1) {
      await expectSameState(world, { tensors, step });
      await bad.join(world);
    }
    await world.first(`the checkpoint of step ${step}`, async () => {
      metrics.flush();
      await bad.flush();
      await writeCheckpoint({ ...this.#run, tensors, undecayed: trainer.undecayed }, {
        step,
        position: this.position,
        loss: this.loss,
        health: this.#watch.state,
        learning: this.#run.learning.state,
        skipped: this.#log.skipped,
      });
    });
    this.#saved = this.step;
    await this.#run.observers.checkpointed?.(this.step);
    return tensors;
  }
}
