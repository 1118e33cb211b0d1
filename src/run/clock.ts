/**
 * Where a run's time goes.
 *
 * The GPU is asked only now and then whether it is done (see {@linkcode Pacer}), so when each step ended is not known but
 * of the last one asked about. In between, steps are taken to be equally long: a step begins when it is submitted or when
 * the one before it ends, whichever is later.
 *
 * @module
 */

/** Rates since the last lap. */
export interface Lap {
  /** Source images per second, of the steps that the GPU has done. */
  images_per_second: number;
  /** Fraction of the time that the GPU waited for data. */
  data_wait: number;
}

/** How a clock tells the time. */
export interface ClockOptions {
  /** The time in milliseconds; tests have their own. */
  now?: () => number;
  /** Milliseconds from the end of the GPU's work to the end of a wait for it: Deno looks every now and then. */
  delay?: number;
}

/** A question that took longer held the caller until the GPU was done. */
const HELD_MS = 1;

/** A span of time in milliseconds. */
interface Span {
  begin: number;
  end: number;
}

/** Counts time from its construction on. */
export class Clock {
  readonly #now: () => number;
  readonly #delay: number;
  #begin: number;
  /** Submissions whose end is not known yet, in order: when each was made, and the waits for data before it. */
  readonly #pending: { at: number; waits: Span[] }[] = [];
  /** Waits for data since the last submission. */
  #waits: Span[] = [];
  #done = 0;
  /** When the last submission that is known to be done was done. */
  #doneAt: number;
  #starved = 0;
  #stepMs = 0;
  #lapDone = 0;
  #lapDoneAt: number;
  #lap: Lap = { images_per_second: 0, data_wait: 0 };

  constructor({ now = () => performance.now(), delay = 0 }: ClockOptions = {}) {
    this.#now = now;
    this.#delay = delay;
    this.#begin = this.#doneAt = this.#lapDoneAt = now();
  }

  /** Seconds since the clock was made. */
  get seconds(): number {
    return (this.#now() - this.#begin) / 1000;
  }

  /** Submissions known to be done. */
  get done(): number {
    return this.#done;
  }

  /** Submissions not known to be done. */
  get pending(): number {
    return this.#pending.length;
  }

  /** Milliseconds that the GPU took for a submission, on average over the last ones known; 0 if none is known. */
  get stepMs(): number {
    return this.#stepMs;
  }

  /** Notes a submission. */
  submitted(): void {
    this.#pending.push({ at: this.#now(), waits: this.#waits });
    this.#waits = [];
  }

  /** Milliseconds until the GPU will be done with what is pending, by what its last steps took. */
  get backlogMs(): number {
    const end = this.#pending.reduce((end, { at }) => Math.max(at, end) + this.#stepMs, this.#doneAt);
    return this.#pending.length > 0 ? Math.max(0, end - this.#now()) : 0;
  }

  /** Asks the GPU by `ask`, whose promise resolves some time after all that was submitted before is done. */
  async settled(ask: () => Promise<void>): Promise<void> {
    const through = this.#done + this.#pending.length, begin = this.#now();
    const idle = ask();
    const returned = this.#now();
    await idle;
    // Deno holds the caller until the queue is empty, and resolves later, at the latest when the caller comes to rest.
    const end = returned - begin > HELD_MS ? returned : Math.max(returned, this.#now() - this.#delay);
    const count = through - this.#done; // an earlier answer may have come in the meantime
    if (count > 0) this.#settle(this.#pending.splice(0, count), end);
  }

  /** Shares the time up to `end` out to submissions that were done then. */
  #settle(submissions: { at: number; waits: Span[] }[], end: number): void {
    const count = submissions.length, begins = submissions.map(({ at }) => Math.max(at, this.#doneAt));
    // Equal steps, the last of which ends at `end`: submission i and those behind it fit between its begin and the end.
    const stepMs = Math.max(0, Math.min(...begins.map((begin, i) => (end - begin) / (count - i))));
    let idleSince = this.#doneAt;
    submissions.forEach(({ waits }, i) => {
      for (const wait of waits) {
        this.#starved += Math.max(0, Math.min(wait.end, begins[i]) - Math.max(wait.begin, idleSince));
      }
      idleSince = Math.max(begins[i], idleSince) + stepMs;
    });
    this.#stepMs = stepMs;
    this.#done += count;
    this.#doneAt = Math.max(end, this.#doneAt);
  }

  /** Awaits data. What of the wait the GPU was idle counts as data wait. */
  async waiting<T>(data: Promise<T>): Promise<T> {
    const begin = this.#now();
    const result = await data;
    this.#waits.push({ begin, end: this.#now() });
    return result;
  }

  /** Does what is no part of training, while nothing is pending, and counts none of its time. */
  async apart<T>(work: () => Promise<T>): Promise<T> {
    const begin = this.#now();
    const result = await work();
    const taken = this.#now() - begin;
    this.#begin += taken;
    this.#doneAt += taken;
    this.#lapDoneAt += taken;
    return result;
  }

  /** The rates since the last call, a submission being `batch` images. If no more is known to be done, the last rates. */
  lap(batch: number): Lap {
    const steps = this.#done - this.#lapDone;
    if (steps > 0) {
      const elapsed = Math.max(this.#doneAt - this.#lapDoneAt, 1e-3);
      this.#lap = {
        images_per_second: steps * batch / elapsed * 1000,
        data_wait: Math.min(1, this.#starved / elapsed),
      };
      this.#starved = 0;
      this.#lapDone = this.#done;
      this.#lapDoneAt = this.#doneAt;
    }
    return this.#lap;
  }
}
