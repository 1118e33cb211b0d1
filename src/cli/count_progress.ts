/**
 * The progress of work that counts: a bar on a terminal, otherwise lines of text.
 *
 * @module
 */
import process from "node:process";
// @ts-types="npm:@types/cli-progress@3.11.6"
import cliProgress from "npm:cli-progress@3.12.0";

/** A display. Dispose of it: a bar's timer keeps the process alive. */
export interface CountProgress extends Disposable {
  /** Shows that `done` of `total` are done; null if the total is unknown. */
  update(done: number, total: number | null): void;
  /** Prints a line of its own. */
  log(text: string): void;
}

/** What is counted, and where it is shown. */
export interface CountProgressOptions {
  /** What is counted, in the plural. */
  what: string;
  /** Seconds between two plain lines. Default: 10. */
  interval?: number;
  terminal?: boolean;
  /** Receives plain lines. Default: they are printed. */
  print?: (line: string) => void;
  /** The time in milliseconds; tests set it. */
  now?: () => number;
}

const text = (count: number) => Math.round(count).toLocaleString("en-US");

/** Shows progress on standard output. */
export function createCountProgress(
  {
    what,
    interval = 10,
    terminal = Deno.stdout.isTerminal(),
    print = console.log,
    now = () => performance.now(),
  }: CountProgressOptions,
): CountProgress {
  const begin = now();
  let start: number | null = null, next = begin + 1000 * interval;
  let bars: cliProgress.MultiBar | null = null, bar: cliProgress.SingleBar | null = null;
  return {
    update(done, total) {
      start ??= done;
      const seconds = (now() - begin) / 1000, rate = (done - start) / Math.max(seconds, 1e-3);
      const figures = { done: text(done), all: total === null ? "?" : text(total), rate: text(rate) };
      if (terminal) {
        // Not before: another bar may be there until then.
        bars ??= createBars(what);
        bar ??= bars.create(1, 0, { ...figures });
        bar.setTotal(total ?? Math.max(done, 1));
        bar.update(done, figures);
        return;
      }
      if (now() < next || done === start) return;
      next = now() + 1000 * interval;
      print(
        `${figures.done}${total === null ? "" : ` of ${figures.all}`} ${what} | ${figures.rate} ${what}/s`,
      );
    },
    log: (line) => bars?.isActive ? bars.log(`${line}\n`) : print(line),
    [Symbol.dispose]() {
      if (!bars?.isActive) return;
      bars.update(); // stop() alone would drop lines logged since the last redraw
      bars.stop();
    },
  };
}

function createBars(what: string): cliProgress.MultiBar {
  return new cliProgress.MultiBar({
    stream: process.stdout,
    format: `{bar} {done}/{all} ${what} | {rate}/s | {eta_formatted} left`,
    barsize: 16,
    hideCursor: true,
  }, cliProgress.Presets.shades_classic);
}
