/**
 * Where a run's time goes.
 *
 * @module
 */

/** Rates since the last lap. */
export interface Lap {
  /** Source images a second, of the steps that the GPU has done. */
  images_per_second: number;
  /** The share of the time in which the GPU had nothing to do for want of data. */
  data_wait: number;
}

/** How a clock tells the time. */
export interface ClockOptions {
  /** The time in milliseconds; tests have their own. */
  now?: () => number;
  /** Milliseconds after which it is known that the GPU is done: it is asked every now and then. */
  delay?: number;
}

/** Counts time from its construction on. */
export class Clock {
  readonly #now: () => number;
  readonly #delay: number;
  #begin: number;
  #lapBegin: number;
  #idleSince: number;
  #starved = 0;
  #submitted = 0;
  #done = 0;
  /** Waits for data after submissions of which it is not known yet when the GPU was done with them. */
  readonly #waits = new Map<number, { begin: number; end: number }>();
  #lapDone = 0;
  #lapDoneAt: number;
  #rate = 0;

  constructor({ now = () => performance.now(), delay = 0 }: ClockOptions = {}) {
    this.#now = now;
    this.#delay = delay;
    this.#begin =
      this.#lapBegin =
      this.#idleSince =
      this.#lapDoneAt =
        now();
  }

  /** Seconds since the clock was made. */
  get seconds(): number {
    return (this.#now() - this.#begin) / 1000;
  }

  /** Submissions that the GPU has done. */
  get done(): number {
    return this.#done;
  }

  /** Notes a submission that the GPU has done some time before `done` resolves, and gives that promise back. */
  submitted(done: Promise<void>): Promise<void> {
    const mine = ++this.#submitted, at = this.#now();
    return done.then(() => {
      this.#done = mine;
      this.#idleSince = Math.max(at, this.#now() - this.#delay);
      const wait = this.#waits.get(mine);
      if (wait) this.#starve(wait);
      this.#waits.delete(mine);
    });
  }

  /** Awaits data, and counts the part of the wait in which the GPU had done all that was submitted. */
  async waiting<T>(data: Promise<T>): Promise<T> {
    const begin = this.#now(), last = this.#submitted;
    const result = await data;
    const wait = { begin, end: this.#now() };
    if (this.#done === last) this.#starve(wait);
    else this.#waits.set(last, wait); // the GPU may have been done before the end: that will show
    return result;
  }

  #starve({ begin, end }: { begin: number; end: number }): void {
    this.#starved += Math.max(0, end - Math.max(begin, this.#idleSince));
  }

  /** Does what is no part of training while the GPU has nothing else to do, and counts none of its time. */
  async apart<T>(work: () => Promise<T>): Promise<T> {
    const begin = this.#now();
    const result = await work();
    const taken = this.#now() - begin;
    this.#begin += taken;
    this.#lapBegin += taken;
    this.#idleSince += taken;
    this.#lapDoneAt += taken;
    return result;
  }

  /** The rates since the last call, a submission being `batch` images. If none of them is done yet, the last rate. */
  lap(batch: number): Lap {
    const now = this.#now(), elapsed = Math.max(now - this.#lapBegin, 1e-3);
    const steps = this.#done - this.#lapDone;
    if (steps > 0) {
      this.#rate = steps * batch / Math.max(this.#idleSince - this.#lapDoneAt, 1e-3) * 1000;
      this.#lapDone = this.#done;
      this.#lapDoneAt = this.#idleSince;
    }
    const lap = { images_per_second: this.#rate, data_wait: Math.min(1, this.#starved / elapsed) };
    this.#lapBegin = now;
    this.#starved = 0;
    return lap;
  }
}
