/**
 * A progress bar on a terminal.
 *
 * @module
 */

import process from "node:process";
// @ts-types="npm:@types/cli-progress@3.11.6"
import cliProgress from "npm:cli-progress@3.12.0";
import {
  createLines,
  describe,
  type Progress,
  type ProgressOptions,
  type StepFigures,
} from "../base/progress.ts";

const UNKNOWN = "…";

/** "1h05m", "42s". */
const timeText = ({ secondsLeft }: StepFigures) =>
  secondsLeft === null || secondsLeft === undefined
    ? UNKNOWN
    : cliProgress.Format.TimeFormat(Math.round(secondsLeft), { autopadding: false }, 1);

function createBar({ total, start = 0 }: ProgressOptions): Progress {
  const bars = new cliProgress.MultiBar({
    stream: process.stdout,
    format: "{bar} {value}/{total} | {figures} | {left} left",
    barsize: 16,
    hideCursor: true,
  }, cliProgress.Presets.shades_classic);
  const bar = bars.create(total, start, { figures: "starting", left: UNKNOWN });
  const stop = () => {
    if (!bars.isActive) return;
    bars.update(); // stop() alone would drop lines logged since the last redraw
    bars.stop();
  };
  return {
    update: (step, figures) => bar.update(step, { figures: describe(figures), left: timeText(figures) }),
    // A stopped bar would hold the line for a redraw that never comes.
    log: (text) => bars.isActive ? bars.log(`${text}\n`) : console.log(text),
    stop,
    [Symbol.dispose]: stop,
  };
}

/**
 * Shows the progress of a run on standard output: a bar on a terminal, otherwise plain lines.
 *
 * @example
 * ```ts
 * using progress = createProgress({ total: 250, terminal: false });
 * progress.update(1, { loss: 3.98, lr: 0.012, imagesPerSecond: 310, dataWait: 0 });
 * // step 1/250 | loss 3.9800 | lr 0.0120 | 310 images/s | data wait 0 %
 * ```
 */
export function createProgress(options: ProgressOptions & { terminal?: boolean }): Progress {
  return options.terminal ?? Deno.stdout.isTerminal() ? createBar(options) : createLines(options);
}
