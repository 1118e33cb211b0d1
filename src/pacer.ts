/**
 * How far the host may run ahead of the GPU.
 *
 * Asking Deno whether the GPU is done (`onSubmittedWorkDone`, `mapAsync`) holds the main thread until the queue is empty:
 * asked after each step, the GPU then idles while the host prepares the next. Not asked at all, the host would submit
 * without end, and each submission holds its upload until it is done.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** Submissions between two questions: at least the first, at most the second, else as many as make the GPU work this long. */
export const STEPS_AHEAD = { least: 8, most: 64, ms: 1000 };
/** But no more than hold so many bytes of uploads. */
export const BYTES_AHEAD = 2 ** 29;

/** Lets a run submit steps ahead of the GPU, but not without bound. */
export class Pacer {
  readonly #clock: Clock;
  readonly #settled: () => Promise<void>;
  #steps = 0;
  #bytes = 0;
  /** The last question. */
  #asked: Promise<void> = Promise.resolve();

  /** @param settled Asks the GPU: resolves when all that was submitted is done, rejects if it failed. */
  constructor({ clock, settled }: { clock: Clock; settled: () => Promise<void> }) {
    this.#clock = clock;
    this.#settled = settled;
  }

  /** Notes a submission that uploaded `bytes`. Waits if the GPU is too far behind: has not answered the last question yet. */
  async submitted(bytes: number): Promise<void> {
    this.#clock.submitted();
    this.#bytes += bytes;
    const { least, most, ms } = STEPS_AHEAD;
    const { stepMs } = this.#clock;
    const steps = stepMs > 0 ? Math.max(least, Math.min(most, Math.ceil(ms / stepMs))) : least;
    if (++this.#steps < steps && this.#bytes < BYTES_AHEAD) return;
    await this.#asked;
    this.#ask();
  }

  /** Waits until the GPU has done all that was submitted. */
  async drain(): Promise<void> {
    if (this.#steps > 0) this.#ask();
    await this.#asked;
  }

  #ask(): void {
    this.#steps = this.#bytes = 0;
    this.#asked = this.#clock.settled(this.#settled());
    this.#asked.catch(() => {}); // a failure is met where it is awaited, or by the next step's check
  }
}
