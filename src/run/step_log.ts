/**
 * The metrics of a run's steps: read from the GPU, checked, written, and shown as progress.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import type { Progress } from "../base/progress.ts";
import type { StepMetrics, Trainer } from "../byol/trainer.ts";
import type { PretrainCallbacks, StepRecord } from "../config/callbacks.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";
import type { World } from "../distributed/world.ts";
import type { Metrics } from "../io/metrics.ts";
import type { RunObserver } from "../report/observer.ts";
import type { Clock, Lap } from "./clock.ts";
import type { CollapseWatch } from "./collapse_watch.ts";
import type { LearningWatch } from "./learning_watch.ts";
import type { Pacer } from "./pacer.ts";
import { scheduledScalars } from "./schedule.ts";
import type { TimeLeft } from "./time_left.ts";

/** What a log reads, and where it writes. */
export interface StepLogOptions {
  options: ResolvedOptions;
  /** Steps of the whole run. */
  total: number;
  trainer: Pick<Trainer, "metrics"> & Partial<Pick<Trainer, "takeExchangeTimes">>;
  world?: World;
  metrics: Metrics<StepRecord>;
  progress: Progress;
  clock: Clock;
  pacer: Pacer;
  timeLeft: Pick<TimeLeft, "after">;
  learning: Pick<LearningWatch, "verdict">;
  callbacks: Pick<PretrainCallbacks, "onStep">;
  observers: Pick<RunObserver, "recorded">;
}

/**
 * Steps, or else seconds, between two readings of the GPU's ring of metrics. Each costs a wait for the GPU; the ring holds
 * some thousand steps.
 */
const READ_EVERY = { steps: 50, seconds: 60 };

/** So many steps in a row that overflow end a run: the dynamic loss scale falls from its most to its least in 24. */
const MOST_SKIPPED = 50;

/** Steps that overflowed, up to a checkpoint: the run that goes on from it counts on. */
export interface SkippedSteps {
  sinceRecord: number;
  inARow: number;
}

/** A step whose metrics have not been read; with the rates up to it if it is to be logged. */
interface UnreadStep {
  epoch: number;
  lap?: Lap;
}

/** Logs the steps of one run. */
export class StepLog {
  /** The loss of the last step read; NaN before the first. */
  loss: number;
  readonly #run: StepLogOptions;
  readonly #watch: CollapseWatch;
  readonly #readEvery: number;
  #unread: UnreadStep[] = [];
  #lastRead = 0;
  readonly #skipped: SkippedSteps;
  #saidSkipped = false;
  #lap: Lap = { imagesPerSecond: 0, dataWait: 0 };

  constructor(
    run: StepLogOptions,
    { watch, loss, skipped }: { watch: CollapseWatch; loss: number; skipped?: SkippedSteps },
  ) {
    this.#run = run;
    this.#watch = watch;
    this.loss = loss;
    this.#skipped = { ...skipped ?? { sinceRecord: 0, inARow: 0 } };
    const { callbacks: { onStep }, options: { logEvery } } = run;
    this.#readEvery = onStep ? Math.min(READ_EVERY.steps, logEvery) : READ_EVERY.steps;
  }

  /** What a checkpoint keeps of the steps read that overflowed; null in float32. */
  get skipped(): SkippedSteps | null {
    return this.#run.options.precision === "mixed" ? { ...this.#skipped } : null;
  }

  /** Adds a step that was submitted, of epoch `epoch`. */
  add(epoch: number): void {
    this.#unread.push({ epoch });
  }

  /** Whether it is time to read. */
  get isDue(): boolean {
    const { clock } = this.#run;
    // Ranks read at the same step, whatever their clocks say: what they read may end the run.
    const isLate = clock.seconds - this.#lastRead >= READ_EVERY.seconds && this.#ranks === 1;
    return this.#unread.length >= this.#readEvery || isLate;
  }

  /** Takes the rates since the last call, for the record of the last step. */
  async takeLap(): Promise<void> {
    const { options: { batch }, clock, pacer } = this.#run;
    if (clock.done === 0) await pacer.drain(); // no step is known to be done, so there is no rate
    this.#lap = { ...clock.lap(batch * this.#ranks), ...this.#exchangeRates() };
    this.#unread[this.#unread.length - 1].lap = this.#lap;
  }

  get #ranks(): number {
    return this.#run.world?.size ?? 1;
  }

  /** The part of exchanges since the last call; nothing for a process alone. */
  #exchangeRates(): Pick<StepRecord, "exchangeSeconds" | "exchangeShare" | "slowestRank"> {
    const times = this.#run.trainer.takeExchangeTimes?.();
    if (!times || times.steps === 0) return {};
    const { compute, exchange, write, steps, slowest } = times, waited = exchange + write;
    return {
      exchangeSeconds: waited / steps / 1000,
      exchangeShare: waited / (waited + compute),
      slowestRank: slowest.indexOf(Math.max(...slowest)),
    };
  }

  /** Shows the last rates and the last known loss after `step` steps. */
  show(step: number): void {
    this.#run.progress.update(step, {
      loss: Number.isNaN(this.loss) ? null : this.loss,
      lr: scheduledScalars(step - 1, this.#run).lr,
      ...this.#lap,
      verdict: this.#run.learning.verdict,
      secondsLeft: this.#run.timeLeft.after(step),
    });
  }

  /** Reads the metrics of all steps up to `done`, checks each, and writes every `logEvery`th and the last. */
  async read(done: number): Promise<void> {
    const { total, trainer, clock, pacer } = this.#run;
    if (this.#unread.length === 0) return;
    const steps = this.#unread, first = done - steps.length;
    const figures = await pacer.read(() => trainer.metrics(first, done));
    if (done === total) await this.takeLap();
    this.#unread = [];
    this.#lastRead = clock.seconds;
    figures.forEach((figure, i) => this.#record(first + i, { figure, ...steps[i] }));
    if (done === total) this.show(done);
  }

  /** Checks the metrics of step `index`, 0 for the first, and writes them if it has a lap. */
  #record(index: number, { figure, epoch, lap }: UnreadStep & { figure: StepMetrics }): void {
    const { options: { target, precision }, metrics, callbacks, observers } = this.#run, step = index + 1;
    const { loss, zStd, gradNorm, targetCosine, lossScale } = figure;
    if (!Number.isFinite(loss)) {
      metrics.flush();
      throw new UserError(
        `Training stopped: the loss of step ${step} is ${loss}. Checkpoints written before are good. Start a new run with ` +
          `a lower --lr or a longer --warmup${
            precision === "mixed" ? ", or continue with --resume --precision f32" : ""
          }.`,
      );
    }
    this.loss = loss;
    if (lossScale !== undefined) this.#countSkipped(step, figure);
    if (lap) {
      const { lr, tau } = scheduledScalars(index, this.#run);
      const hasTarget = target === "ema" || target === "fixed";
      const record = {
        step,
        epoch,
        loss,
        lr,
        tau: hasTarget ? tau : null,
        ...lap,
        ...lossScale !== undefined && { lossScale, skippedSteps: this.#skipped.sinceRecord },
        zStd,
        gradNorm: figure.skipped ? null : gradNorm,
        targetCosine,
      };
      this.#skipped.sinceRecord = 0;
      metrics.write(record);
      callbacks.onStep?.(record);
      observers.recorded?.(record);
    }
    this.#watch.observe({ step, loss, zStd });
  }

  /** Counts a step that was skipped; many in a row end the run, as no lower scale will help. */
  #countSkipped(step: number, { skipped, lossScale }: StepMetrics): void {
    this.#skipped.inARow = skipped ? this.#skipped.inARow + 1 : 0;
    if (skipped && !this.#saidSkipped) {
      this.#run.progress.log(
        `Step ${step} was skipped: its gradients overflowed float16 at a loss scale of ${lossScale}. metrics.jsonl counts ` +
          "such steps (skipped_steps).",
      );
      this.#saidSkipped = true;
    }
    if (skipped) this.#skipped.sinceRecord++;
    if (this.#skipped.inARow < MOST_SKIPPED) return;
    this.#run.metrics.flush();
    const isDynamic = this.#run.options.lossScale === "dynamic";
    throw new UserError(
      `Training stopped: the gradients of ${MOST_SKIPPED} steps in a row, up to step ${step}, overflowed float16 at a loss ` +
        `scale of ${lossScale}, and the steps were skipped. Use ${
          isDynamic ? "" : "--loss-scale dynamic, or "
        }--precision f32.`,
    );
  }
}
