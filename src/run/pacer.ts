/**
 * How far the host may run ahead of the GPU.
 *
 * Asking Deno whether the GPU is done (`onSubmittedWorkDone`, `mapAsync`) blocks the main thread until the queue is empty.
 * Asked after each step, the GPU idles while the host prepares the next one. Never asked, the host would submit without
 * end, and each submission holds its upload until it is done. So a run asks once in many steps, and first sleeps until the
 * GPU should be nearly done: batches arrive and are assembled meanwhile.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** Steps between two questions: at least `min`, at most `max`, otherwise as many as take `ms` milliseconds. */
export const STEPS_AHEAD = { min: 8, max: 64, ms: 1000 };
/** The most bytes of uploads between two questions. */
export const BYTES_AHEAD = 2 ** 29;
/** The GPU is asked one step before its end, and at least this long before, as timers may be late. */
const MARGIN_MS = 20;

/** What a pacer needs. */
export interface PacerOptions {
  clock: Clock;
  /** Asks the GPU: resolves when all that was submitted is done, rejects if it failed. */
  settled: () => Promise<void>;
  /** Resolves after so many milliseconds; tests pass their own. */
  sleep?: (ms: number) => Promise<unknown>;
}

/** Lets a run submit steps ahead of the GPU, within bounds. */
export class Pacer {
  readonly #options: Required<PacerOptions>;
  #steps = 0;
  #bytes = 0;
  /** The answer to the last question. */
  #answer: Promise<void> = Promise.resolve();

  constructor(
    { sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms)), ...options }: PacerOptions,
  ) {
    this.#options = { ...options, sleep };
  }

  /** Records a step that was submitted and uploaded `bytes`. Waits if the GPU is too far behind. */
  async submitted(bytes: number): Promise<void> {
    const { clock } = this.#options, { min, max, ms } = STEPS_AHEAD;
    clock.submitted();
    this.#bytes += bytes;
    const steps = clock.stepMs > 0 ? Math.max(min, Math.min(max, Math.ceil(ms / clock.stepMs))) : min;
    if (++this.#steps < steps && this.#bytes < BYTES_AHEAD) return;
    await this.#answer;
    await this.#ask();
  }

  /** Reads from the GPU by `reading`, which waits until it is done. */
  async read<T>(reading: () => Promise<T>): Promise<T> {
    if (this.#steps > 0) await this.#ask();
    const result = await reading();
    await this.#answer;
    return result;
  }

  /** Resolves when the GPU has done all that was submitted. */
  drain(): Promise<void> {
    return this.read(() => Promise.resolve());
  }

  /** Asks the GPU shortly before it is done. Deno's answer comes 11 ms late; the next step can be submitted meanwhile. */
  async #ask(): Promise<void> {
    const { clock, settled, sleep } = this.#options;
    const early = clock.backlogMs - Math.max(clock.stepMs, MARGIN_MS);
    if (early > 1) await sleep(early);
    this.#steps = this.#bytes = 0;
    this.#answer = clock.settled(settled);
    this.#answer.catch(() => {}); // a failure is thrown where the answer is awaited, or by the next step's check
  }
}
