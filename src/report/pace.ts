/**
 * How fast a run goes, evaluations and all.
 *
 * @module
 */

/** Seconds that count, and seconds between two moments that are remembered. */
const WINDOW = 600, BETWEEN = 5;

/** Estimates the time left from the last ten minutes. */
export class Pace {
  readonly #now: () => number;
  #moments: { seconds: number; step: number }[] = [];
  #last: { seconds: number; step: number } | null = null;

  /** `now`: the time in milliseconds; tests pass their own. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** `step` steps are done. */
  add(step: number): void {
    const seconds = this.#now() / 1000, newest = this.#moments.at(-1);
    this.#last = { seconds, step };
    if (newest && seconds - newest.seconds < BETWEEN) return;
    this.#moments.push(this.#last);
    while (seconds - this.#moments[0].seconds > WINDOW) this.#moments.shift();
  }

  /** Seconds for `steps` more steps; null before two are done. */
  secondsFor(steps: number): number | null {
    const first = this.#moments[0], last = this.#last;
    if (!first || !last || last.step === first.step) return null;
    return steps * (last.seconds - first.seconds) / (last.step - first.step);
  }
}
