/**
 * Those who follow a run: which there are, and how they hear of its lines and its end.
 *
 * @module
 */
import { CollapseError, messageOf } from "../base/errors.ts";
import type { Progress } from "../base/progress.ts";
import { openMetricsCsv } from "../report/metrics_csv.ts";
import type { ObservedRun } from "../report/observer.ts";
import type { Observers } from "../report/observers.ts";
import type { PretrainResult } from "./result.ts";

/** Adds the observers of `run` to `observers`. */
export async function openObservers(observers: Observers, { options }: ObservedRun): Promise<void> {
  await observers.add("metrics.csv", () => openMetricsCsv(options.out));
}

/** `progress`, whose lines `observers` hear of too. */
export function loggedTo(observers: Observers, progress: Progress): Progress {
  return {
    update: (step, figures) => progress.update(step, figures),
    log(text) {
      progress.log(text);
      observers.logged(text);
    },
    stop: () => progress.stop(),
    [Symbol.dispose]: () => progress[Symbol.dispose](),
  };
}

/** Runs `work`, and tells `observers` how it ended. */
export async function reportingEnd(
  observers: Observers,
  work: () => Promise<PretrainResult>,
): Promise<PretrainResult> {
  try {
    const result = await work();
    await observers.ended({ state: result.summary ? "done" : "stopped", message: null });
    return result;
  } catch (error) {
    const state = error instanceof CollapseError ? "collapsed" : "failed";
    await observers.ended({ state, message: messageOf(error) });
    throw error;
  }
}
