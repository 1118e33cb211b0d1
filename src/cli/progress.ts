/**
 * How a run shows that it goes on: a bar on a terminal, plain lines elsewhere.
 *
 * @module
 */

import process from "node:process";
// @ts-types="npm:@types/cli-progress@3.11.6"
import cliProgress from "npm:cli-progress@3.12.0";

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

/** What {@linkcode createProgress} is to show, and where. */
export interface ProgressOptions {
  /** The number of steps of the whole run. */
  total: number;
  /** How many of them were done before, if this run continues another. They do not count in the time left. */
  start?: number;
  /** Draw a bar? By default if standard output is a terminal. */
  terminal?: boolean;
  /** Seconds from plain line to plain line, at the least. */
  interval?: number;
  /** Where plain lines go, by default to standard output. */
  print?: (line: string) => void;
}

function describe({ loss, lr, imagesPerSecond, dataWait }: StepFigures): string {
  const rate = imagesPerSecond.toPrecision(imagesPerSecond < 100 ? 2 : 3);
  return `${loss === null ? "" : `loss ${loss.toFixed(4)} | `}lr ${lr.toPrecision(3)} | ${
    Number(rate)
  } images/s | ` +
    `data wait ${Math.round(100 * dataWait)} %`;
}

function createBar({ total, start = 0 }: ProgressOptions): Progress {
  const bars = new cliProgress.MultiBar({
    stream: process.stdout,
    format: "{bar} {value}/{total} | {figures} | {eta_formatted} left",
    barsize: 16,
    hideCursor: true,
  }, cliProgress.Presets.shades_classic);
  const bar = bars.create(total, start, { figures: "starting" });
  const stop = () => {
    if (!bars.isActive) return;
    bars.update(); // stop() alone would drop lines that were logged since the last redraw.
    bars.stop();
  };
  return {
    update: (step, figures) => bar.update(step, { figures: describe(figures) }),
    // A stopped bar would keep the line for a redraw that never comes.
    log: (text) => bars.isActive ? bars.log(`${text}\n`) : console.log(text),
    stop,
    [Symbol.dispose]: stop,
  };
}

function createLines({ total, interval = 2, print = console.log }: ProgressOptions): Progress {
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

/**
 * Shows the progress of a run on standard output.
 *
 * @example
 * ```ts
 * using progress = createProgress({ total: 250, terminal: false });
 * progress.update(1, { loss: 3.98, lr: 0.012, imagesPerSecond: 310, dataWait: 0 });
 * // step 1/250 | loss 3.9800 | lr 0.0120 | 310 images/s | data wait 0 %
 * ```
 */
export function createProgress(options: ProgressOptions): Progress {
  return options.terminal ?? Deno.stdout.isTerminal() ? createBar(options) : createLines(options);
}
