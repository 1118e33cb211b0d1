/**
 * What a run leaves behind as it goes: metrics, progress, checkpoints.
 *
 * @module
 */
import type { Position } from "../../data/pipeline.ts";
import type { Recipe } from "../../data/views/recipe.ts";
import type { Submission, Trainer } from "../byol/trainer.ts";
import { UserError } from "../base/errors.ts";
import type { Collapse, HealthState } from "./collapse.ts";
import { CollapseWatch } from "./collapse_watch.ts";
import type { KnnBefore, StepRecord } from "./records.ts";
import { scheduledScalars } from "./schedule.ts";
import { expectFinite, writeCheckpoint } from "./write_checkpoint.ts";
import type { Clock, Lap } from "./clock.ts";
import type { Pacer } from "./pacer.ts";
import type { Progress } from "../base/progress.ts";
import type { TrainOptions } from "../config/train_defaults.ts";
import type { BadImages } from "../io/bad_images.ts";
import type { LoadedCheckpoint } from "../io/checkpoint.ts";
import type { Metrics } from "../io/metrics.ts";
import type { TorchTensor } from "../nn/weights.ts";

/** What a recorder records, and where to. */
export interface RecorderOptions {
  options: TrainOptions;
  /** What `options.recipe` names, in full. */
  recipe?: Recipe;
  /** Steps of the whole run. */
  total: number;
  trainer: Trainer;
  metrics: Metrics<StepRecord>;
  progress: Progress;
  bad: BadImages;
  clock: Clock;
  pacer: Pacer;
  /** Of the source. */
  fingerprint: string;
  knn: KnnBefore | null;
}

/**
 * Steps, or else seconds, from one reading of the GPU's ring of metrics to the next. Each costs a wait for the GPU; the
 * ring holds some thousand steps.
 */
const READ_EVERY = { steps: 50, seconds: 120 };

/** Counts the steps of a run, and writes down what is known of them. */
export class Recorder {
  /** Steps submitted, from the beginning of the run. */
  step: number;
  /** The samples to go on with. */
  position: Position;
  /** The loss of the last step reported. */
  loss: number;
  readonly #to: RecorderOptions;
  /** Batches submitted of the step at hand. */
  #parts = 0;
  readonly #watch: CollapseWatch;
  /** The steps whose metrics have not been read yet; the rates are those up to a step that is to be logged. */
  #unread: { epoch: number; lap?: Lap }[] = [];
  #lastRead = 0;
  #lap: Lap = { images_per_second: 0, data_wait: 0 };

  /** Goes on from `checkpoint`, or begins. */
  constructor(to: RecorderOptions, checkpoint: LoadedCheckpoint | null) {
    this.#to = to;
    this.step = checkpoint?.step ?? 0;
    this.position = checkpoint?.metadata.position as Position | undefined ?? { epoch: 0, offset: 0 };
    this.loss = checkpoint?.metadata.loss as number | undefined ?? NaN;
    this.#watch = new CollapseWatch(
      { ...to, log: to.progress.log },
      checkpoint?.metadata.health as HealthState,
    );
  }

  /** The first collapse, if there was one. */
  get collapse(): Collapse | null {
    return this.#watch.state.collapse;
  }

  /** Whether a step is whole: between its batches a run must not stop. */
  get betweenSteps(): boolean {
    return this.#parts === 0;
  }

  /** What the trainer must know of the next batch. */
  next(): Submission {
    const { options: { accumulate, logEvery }, total } = this.#to, done = this.step + 1;
    const health = this.#parts === accumulate - 1 && (done % logEvery === 0 || done === total);
    return { ...scheduledScalars(this.step, this.#to), part: this.#parts, health };
  }

  /** Notes that a batch was submitted. Its position counts once the step is whole. */
  submitted({ epoch, next }: { epoch: number; next: Position }): void {
    if (++this.#parts < this.#to.options.accumulate) return;
    this.#parts = 0;
    this.position = next;
    this.#unread.push({ epoch });
    this.step++;
  }

  /** Shows and writes what is known if its time has come: progress, metrics, a checkpoint. */
  async reportIfDue(): Promise<void> {
    const { options: { checkpointEvery, logEvery }, total, clock } = this.#to;
    if (this.step === total || !this.betweenSteps) return; // at the end, save() follows
    if (this.step % logEvery === 0) await this.#takeLap();
    const due = this.#unread.length >= READ_EVERY.steps ||
      clock.seconds - this.#lastRead >= READ_EVERY.seconds;
    if (this.step % checkpointEvery === 0) await this.save();
    else if (due) await this.report();
    if (this.#watch.stops) {
      await this.save();
      this.#watch.expectSound(this.step);
    }
    if (this.step % logEvery === 0) this.#show();
  }

  /** Throws if the run that is gone on with has collapsed already, and is to stop then. */
  expectSound(): void {
    this.#watch.expectSound(this.step);
  }

  /** Takes the rates since the last call, for the line of the last step. */
  async #takeLap(): Promise<void> {
    const { options: { batch }, clock, pacer } = this.#to;
    if (clock.done === 0) await pacer.drain(); // nothing to tell a rate from
    this.#lap = clock.lap(batch);
    this.#unread[this.#unread.length - 1].lap = this.#lap;
  }

  /** Shows the last rates and the last loss that is known. */
  #show(): void {
    this.#to.progress.update(this.step, {
      loss: Number.isNaN(this.loss) ? null : this.loss,
      lr: scheduledScalars(this.step - 1, this.#to).lr,
      imagesPerSecond: this.#lap.images_per_second,
      dataWait: this.#lap.data_wait,
    });
  }

  /** Reads the metrics of the steps since the last reading, checks all, and writes every `logEvery`th and the last. */
  async report(): Promise<void> {
    const { total, trainer, metrics, clock, pacer, options } = this.#to;
    if (this.#unread.length === 0) return;
    const steps = this.#unread, from = this.step - steps.length;
    const figures = await pacer.read(() => trainer.metrics(from, this.step));
    if (this.step === total) await this.#takeLap();
    this.#unread = [];
    this.#lastRead = clock.seconds;
    figures.forEach(({ loss, zStd, gradNorm, targetCosine }, i) => {
      if (!Number.isFinite(loss)) {
        metrics.flush();
        throw new UserError(
          `Training stopped as the loss of step ${from + i + 1} is ${loss}: a finite number is expected. ` +
            `The checkpoints written before are good. Begin a new run with a lower --lr or a longer --warmup.`,
        );
      }
      this.loss = loss;
      const { epoch, lap } = steps[i],
        { lr, ...scalars } = scheduledScalars(from + i, this.#to),
        step = from + i + 1;
      const tau = ["ema", "fixed"].includes(options.target) ? scalars.tau : null;
      if (lap) {
        const health = { z_std: zStd, grad_norm: gradNorm, target_cosine: targetCosine };
        metrics.write({ step, epoch, loss, lr, tau, ...lap, ...health });
      }
      this.#watch.observe({ step, loss, zStd });
    });
    if (this.step === total) this.#show();
  }

  /** Writes a checkpoint, and returns the state that it holds. A state whose loss is not finite is not written. */
  async save(): Promise<Map<string, TorchTensor>> {
    const { trainer, metrics, bad } = this.#to;
    await this.report();
    const tensors = await trainer.state();
    expectFinite(tensors, this.step);
    metrics.flush();
    await bad.flush();
    await writeCheckpoint({ ...this.#to, tensors, undecayed: trainer.undecayed }, {
      step: this.step,
      position: this.position,
      loss: this.loss,
      health: this.#watch.state,
    });
    return tensors;
  }
}
