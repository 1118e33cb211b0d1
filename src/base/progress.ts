/**
 * How a run shows that it goes on: plain lines, or whatever a caller makes of its figures.
 *
 * @module
 */

/** The figures of a step. */
export interface StepFigures {
  /** The last that is known; null if none is. */
  loss: number | null;
  lr: number;
  imagesPerSecond: number;
  /** The fraction of the time that training waited for data. */
  dataWait: number;
}

/** The progress of a run. Stop it (or declare it by `using`), as the bar's timer keeps the process alive. */
export interface Progress extends Disposable {
  /** Shows that `step` steps are done, with the figures of the last one. */
  update(step: number, figures: StepFigures): void;
  /** Prints `text` as a line of its own, above the bar. */
  log(text: string): void;
  /** Draws the bar a last time and gives the terminal back. */
  stop(): void;
}

/** What a progress is to show, and where. */
export interface ProgressOptions {
  /** The number of steps of the whole run. */
  total: number;
  /** How many of them were done before, if this run continues another. They do not count in the time left. */
  start?: number;
  /** Seconds from plain line to plain line, at the least. */
  interval?: number;
  /** Where plain lines go, by default to standard output. */
  print?: (line: string) => void;
}

/** The figures in one line. */
export function describe({ loss, lr, imagesPerSecond, dataWait }: StepFigures): string {
  const rate = imagesPerSecond.toPrecision(imagesPerSecond < 100 ? 2 : 3);
  return `${loss === null ? "" : `loss ${loss.toFixed(4)} | `}lr ${lr.toPrecision(3)} | ${
    Number(rate)
  } images/s | ` +
    `data wait ${Math.round(100 * dataWait)} %`;
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
