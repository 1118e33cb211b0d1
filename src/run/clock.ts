/**
 * Where a run's time goes.
 *
 * The host asks the GPU only now and then whether it is done (see {@linkcode Pacer}), so the end of a step is known only
 * for the last one asked about. Steps in between are taken to be equally long: a step starts when it is submitted or when
 * the previous one ends, whichever is later.
 *
 * @module
 */
import type { StepRecord } from "../config/callbacks.ts";

/** Rates since the previous lap. */
export type Lap = Pick<
  StepRecord,
  "imagesPerSecond" | "dataWait" | "exchangeSeconds" | "exchangeShare" | "slowestRank"
>;

/** How a clock measures. */
export interface ClockOptions {
  /** The time in milliseconds; tests pass their own. */
  now?: () => number;
  /** Milliseconds from the end of the GPU's work to the end of a wait for it, as Deno polls. */
  delay?: number;
}

/** A question that took longer blocked the caller until the GPU was done. */
const BLOCKED_MS = 1;

/** A span of time in milliseconds. */
interface Span {
  begin: number;
  end: number;
}

/** Measures time from its construction on. */
export class Clock {
  readonly #now: () => number;
  readonly #delay: number;
  #begin: number;
  /** Submissions not known to be done, in order: the time of each, and the waits for data before it. */
  readonly #pending: { at: number; waits: Span[] }[] = [];
  /** Waits for data since the last submission. */
  #waits: Span[] = [];
  #done = 0;
  /** When the last submission known to be done was done. */
  #doneAt: number;
  #starved = 0;
  #stepMs = 0;
  #lapDone = 0;
  #lapDoneAt: number;
  #lap: Lap = { imagesPerSecond: 0, dataWait: 0 };
  #excludedMs = 0;

  constructor({ now = () => performance.now(), delay = 0 }: ClockOptions = {}) {
    this.#now = now;
    this.#delay = delay;
    this.#begin = this.#doneAt = this.#lapDoneAt = now();
  }

  /** Seconds since the clock was made. */
  get seconds(): number {
    return (this.#now() - this.#begin) / 1000;
  }

  /** Seconds of work that is not training, since the clock was made. */
  get excludedSeconds(): number {
    return this.#excludedMs / 1000;
  }

  /** Submissions known to be done. */
  get done(): number {
    return this.#done;
  }

  /** Submissions not known to be done. */
  get pending(): number {
    return this.#pending.length;
  }

  /** Milliseconds of GPU time per submission, averaged over the last known ones; 0 if none is known. */
  get stepMs(): number {
    return this.#stepMs;
  }

  /** Records a submission. */
  submitted(): void {
    this.#pending.push({ at: this.#now(), waits: this.#waits });
    this.#waits = [];
  }

  /** Estimated milliseconds until the GPU is done with the pending submissions. */
  get backlogMs(): number {
    const end = this.#pending.reduce((end, { at }) => Math.max(at, end) + this.#stepMs, this.#doneAt);
    return this.#pending.length > 0 ? Math.max(0, end - this.#now()) : 0;
  }

  /** Asks the GPU by `ask`, whose promise resolves some time after all earlier submissions are done. */
  async settled(ask: () => Promise<void>): Promise<void> {
    const through = this.#done + this.#pending.length, begin = this.#now();
    const idle = ask();
    const returned = this.#now();
    await idle;
    // Deno blocks the caller until the queue is empty, and resolves later, when the event loop is free.
    const end = returned - begin > BLOCKED_MS ? returned : Math.max(returned, this.#now() - this.#delay);
    const count = through - this.#done; // an earlier answer may have come meanwhile
    if (count > 0) this.#settle(this.#pending.splice(0, count), end);
  }

  /** Divides the time up to `end` among submissions that were done then. */
  #settle(submissions: { at: number; waits: Span[] }[], end: number): void {
    const count = submissions.length, begins = submissions.map(({ at }) => Math.max(at, this.#doneAt));
    // Equal steps, the last of which ends at `end`: submission i and the later ones fit between its begin and the end.
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

  /** Awaits data. The part of the wait in which the GPU is idle counts as data wait. */
  async waiting<T>(data: Promise<T>): Promise<T> {
    const begin = this.#now();
    const result = await data;
    this.#waits.push({ begin, end: this.#now() });
    return result;
  }

  /** Does work that is not training, while nothing is pending, without counting its time. */
  async excluding<T>(work: () => Promise<T>): Promise<T> {
    const begin = this.#now();
    const result = await work();
    const taken = this.#now() - begin;
    this.#excludedMs += taken;
    this.#begin += taken;
    this.#doneAt += taken;
    this.#lapDoneAt += taken;
    return result;
  }

  /** The rates since the last call, for submissions of `batch` images. If no more is known to be done, the last rates. */
  lap(batch: number): Lap {
    const steps = this.#done - this.#lapDone;
    if (steps > 0) {
      const elapsed = Math.max(this.#doneAt - this.#lapDoneAt, 1e-3);
      this.#lap = {
        imagesPerSecond: steps * batch / elapsed * 1000,
        dataWait: Math.min(1, this.#starved / elapsed),
      };
      this.#starved = 0;
      this.#lapDone = this.#done;
      this.#lapDoneAt = this.#doneAt;
    }
    return this.#lap;
  }
}
