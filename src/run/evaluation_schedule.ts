/**
 * When a run evaluates its encoder.
 *
 * @module
 */
import type { ResolvedOptions } from "../config/resolved_options.ts";

/** About so many evaluations are in a run by default: enough to see a trend, at 2 % of an epoch each. */
const BY_DEFAULT = 20;

/** The evaluations of a run: after certain epochs, and after the last step. */
export class EvaluationSchedule {
  /** Epochs between two; 0: only after the last step. */
  readonly every: number;
  readonly #total: number;
  /** Steps between two; null if it is unknown. */
  readonly #interval: number | null;

  /** Of a run of `total` steps on `length` images; null if their number is unknown. */
  constructor(
    { evalEvery, batch, accumulate }: Pick<ResolvedOptions, "evalEvery" | "batch" | "accumulate">,
    { length, total }: { length: number | null; total: number },
  ) {
    // Held-out images of an unknown number lie all over the stream: each evaluation reads it to its end.
    const epoch = length === null ? null : Math.floor(length / batch) / accumulate;
    this.every = evalEvery ?? (epoch === null ? 0 : Math.max(1, Math.ceil(total / epoch / BY_DEFAULT)));
    this.#interval = epoch === null || this.every === 0 ? null : this.every * epoch;
    this.#total = total;
  }

  /** Whether an evaluation follows the last batch before epoch `next`, if its batch was of epoch `epoch`. */
  isDue(epoch: number, next: number): boolean {
    return next > epoch && this.every > 0 && next % this.every === 0;
  }

  /** The number of evaluations after step `step`, without one that follows it. */
  left(step: number): number {
    const interval = this.#interval, total = this.#total;
    if (step >= total) return 0;
    if (interval === null) return 1;
    // Those that end within a step follow it.
    const through = (s: number) => Math.floor(s / interval);
    const last = through(total), isOwn = last === 0 || Math.ceil(last * interval) < total;
    return last - through(step) + (isOwn ? 1 : 0);
  }
}
