/**
 * How long a run still takes.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { EvaluationSchedule } from "./evaluation_schedule.ts";

/** Only so many seconds count: a machine gets slower or faster. */
const WINDOW_SECONDS = 180;

/** What the estimate is made of. */
interface TimedRun {
  /** Steps of the whole run. */
  total: number;
  clock: Pick<Clock, "seconds" | "excludedSeconds">;
  schedule: Pick<EvaluationSchedule, "left">;
}

/** Estimates the time left by the rate of the last minutes, plus the evaluations to come. */
export class TimeLeft {
  readonly #run: TimedRun;
  /** Evaluations to come at the start. */
  readonly #evaluations: number;
  /** Steps done, and when: the first one at the beginning of the window. */
  #marks: { step: number; seconds: number }[] = [];

  /** Of a run that has done `start` steps. */
  constructor(run: TimedRun, start: number) {
    this.#run = run;
    this.#evaluations = run.schedule.left(start);
    this.#marks.push({ step: start, seconds: run.clock.seconds });
  }

  /** Seconds until the run is done after `step` steps; null before a step has been timed. Call it as steps are done. */
  after(step: number): number | null {
    const { total, clock: { seconds, excludedSeconds }, schedule } = this.#run;
    if (step > this.#marks.at(-1)!.step) this.#marks.push({ step, seconds });
    // The mark before the window stays, or slow steps would leave nothing to compare.
    while (this.#marks.length > 2 && this.#marks[1].seconds <= seconds - WINDOW_SECONDS) this.#marks.shift();
    const [first] = this.#marks, last = this.#marks.at(-1)!;
    if (last.step === first.step) return null;
    const steps = (total - step) * (last.seconds - first.seconds) / (last.step - first.step);
    const left = schedule.left(step), evaluated = this.#evaluations - left;
    return steps + (evaluated > 0 ? excludedSeconds / evaluated * left : 0);
  }
}
