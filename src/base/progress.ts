/**
 * How a run shows its progress: the interface, and plain lines of text as the default.
 *
 * @module
 */

/** The figures of a step. */
export interface StepFigures {
  /** The last known loss; null before the first one is read. */
  loss: number | null;
  /** The learning rate. */
  lr: number;
  /** Source images per second. */
  imagesPerSecond: number;
  /** Fraction of the time the GPU waited for data, 0 … 1. */
  dataWait: number;
  /** What the last evaluation says of the run, such as "changing"; null or absent if nothing yet. */
  verdict?: string | null;
  /** Estimated seconds until the run is done, evaluations included; null or absent if unknown. */
  secondsLeft?: number | null;
}

/** A progress display. Dispose of it, or call `stop`: a bar's timer keeps the process alive. */
export interface Progress extends Disposable {
  /** Shows that `step` steps are done, with the figures of the last one. */
  update(step: number, figures: StepFigures): void;
  /** Prints `text` as a line of its own, above the bar. */
  log(text: string): void;
  /** Draws the final state and releases the terminal. */
  stop(): void;
}

/** What a progress display shows, and where. */
export interface ProgressOptions {
  /** The number of steps of the whole run. */
  total: number;
  /** Steps done before this process started, 0 by default. They do not count in the estimate of the time left. */
  start?: number;
  /** Minimum seconds between two plain lines, 2 by default. */
  interval?: number;
  /** Receives plain lines; by default they are printed. */
  print?: (line: string) => void;
}

/** The figures in one line. */
export function describe({ loss, lr, imagesPerSecond, dataWait, verdict }: StepFigures): string {
  const rate = Number(imagesPerSecond.toPrecision(imagesPerSecond < 100 ? 2 : 3));
  return [
    ...loss === null ? [] : [`loss ${loss.toFixed(4)}`],
    `lr ${lr.toPrecision(3)}`,
    `${rate} images/s`,
    `data wait ${Math.round(100 * dataWait)} %`,
    ...verdict ? [verdict] : [],
  ].join(" | ");
}

/** Shows the progress of a run in lines of text. */
export function createLines({ total, interval = 2, print = console.log }: ProgressOptions): Progress {
  let next = -Infinity;
  return {
    update(step, figures) {
      const now = performance.now();
      if (now < next && step < total) return;
      next = now + interval * 1000;
      print(`step ${step}/${total} | ${describe(figures)}`);
    },
    log: (text) => print(text),
    stop() {},
    [Symbol.dispose]() {},
  };
}
