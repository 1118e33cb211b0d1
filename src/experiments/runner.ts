/**
 * Runs the jobs that have no result yet, one after the other.
 *
 * @module
 */
import { messageOf } from "../base/errors.ts";
import { percent } from "../base/format.ts";
import type { Configuration } from "./plan.ts";
import type { ResultStore, RunResult } from "./results.ts";

/** A run to do. */
export interface Job {
  /** Its identity, see `identityOf`. */
  id: string;
  /** Its name for people. */
  label: string;
  configuration: Configuration;
}

/** How jobs are done. */
export interface RunnerOptions {
  store: Pick<ResultStore, "read" | "write">;
  /** Does a job, or goes on where it was interrupted; null if it was interrupted again. */
  run: (job: Job) => Promise<RunResult | null>;
  /** Called when a job's result is kept. */
  finished?: (job: Job) => Promise<void>;
  log: (line: string) => void;
  signal?: AbortSignal;
}

/** How the jobs ended. */
export interface RunnerOutcome {
  /** Jobs that had a result before. */
  skipped: number;
  done: number;
  failed: number;
  interrupted: boolean;
}

/** "1 h 5 min", "12 min", "40 s". */
export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/**
 * Does the jobs that have no result yet, each id once. A failure is noted, and the others go on; a later call tries it
 * again.
 */
export async function runJobs(
  jobs: readonly Job[],
  { store, run, finished, log, signal }: RunnerOptions,
): Promise<RunnerOutcome> {
  const unique = jobs.filter(({ id }, i) => jobs.findIndex((job) => job.id === id) === i);
  const found = await Promise.all(unique.map(({ id }) => store.read(id)));
  const times = found.flatMap((result) => result && "seconds" in result ? [result.seconds] : []);
  const waiting = unique.filter((_, i) => !found[i] || "failure" in found[i]);
  const outcome = { skipped: unique.length - waiting.length, done: 0, failed: 0, interrupted: false };
  if (outcome.skipped) log(`${outcome.skipped} of ${unique.length} runs are done already`);

  for (const [i, job] of waiting.entries()) {
    if (signal?.aborted) return { ...outcome, interrupted: true };
    const mean = times.reduce((sum, time) => sum + time, 0) / times.length;
    const left = times.length ? `, about ${duration(mean * (waiting.length - i))} left` : "";
    log(`Run ${i + 1} of ${waiting.length}${left}: ${job.label}`);
    const { id, configuration: { given } } = job;
    try {
      const result = await run(job);
      if (!result) return { ...outcome, interrupted: true };
      await store.write(result);
      await finished?.(job);
      times.push(result.seconds);
      outcome.done++;
      const trained = result.scores.find(({ name }) => name === "trained");
      log(
        `  ${percent(trained?.linear, "–")} linear, ${
          percent(Object.values(trained?.knn ?? {})[0], "–")
        } kNN, ` +
          `${duration(result.seconds)}${result.collapse ? `, collapsed: ${result.collapse}` : ""}`,
      );
    } catch (error) {
      outcome.failed++;
      const failure = messageOf(error);
      await store.write({ id, given: { ...given }, failure, date: new Date().toISOString() });
      log(`  failed: ${failure}`);
    }
  }
  return outcome;
}
