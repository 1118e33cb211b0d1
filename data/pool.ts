/**
 * A pool of Workers that decode and augment.
 *
 * @module
 */
import { VIEW_CHANNELS } from "../src/augment/apply.ts";
import type { Job, JobResult, Setup } from "./decode_worker.ts";

/** An image for the pool. */
export interface Task {
  bytes: Uint8Array;
  epoch: number;
  index: number;
}

/** The answer to a list of tasks. Call `release` once the views are copied: the buffer serves a later job. */
export interface PoolResult extends JobResult {
  release(): void;
}

/** A Worker and the jobs it has been sent, oldest first: it answers them in order. */
interface Hand {
  worker: Worker;
  waiting: PromiseWithResolvers<JobResult>[];
}

/** Decodes lists of images on several Workers. Which Worker takes a list has no influence on the result. */
export class Pool {
  readonly #hands: Hand[];
  readonly #viewsLength: number;
  readonly #buffers: Float32Array<ArrayBuffer>[] = [];
  #failure: Error | undefined;

  /** `url` is the Worker's module; tests put another in its place. */
  constructor(
    setup: Setup,
    { workers, url = new URL("./decode_worker.ts", import.meta.url) }: { workers: number; url?: URL },
  ) {
    const views = setup.seed === null ? 1 : setup.recipe.views.length;
    this.#viewsLength = views * setup.size ** 2 * VIEW_CHANNELS;
    this.#hands = Array.from({ length: workers }, () => {
      const worker = new Worker(url, { type: "module" });
      const hand: Hand = { worker, waiting: [] };
      worker.onmessage = ({ data }) => hand.waiting.shift()?.resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        this.#stop(new Error(`A decoding Worker has crashed: ${event.message}`));
      };
      worker.onmessageerror = () => this.#stop(new Error("A decoding Worker's answer cannot be read"));
      worker.postMessage(setup);
      return hand;
    });
  }

  /** Decodes and augments `tasks`. Rejects if a Worker has crashed or the pool is closed; a bad image is no reason to. */
  async run(tasks: Task[]): Promise<PoolResult> {
    if (this.#failure) throw this.#failure;
    const job = this.#pack(tasks);
    const hand = this.#hands.reduce((a, b) => b.waiting.length < a.waiting.length ? b : a);
    const answer = Promise.withResolvers<JobResult>();
    hand.waiting.push(answer);
    hand.worker.postMessage(job, [job.bytes.buffer, job.views.buffer]);
    const result = await answer.promise;
    return { ...result, release: () => this.#buffers.push(result.views) };
  }

  /** Ends the Workers at once, whatever they are at. Lists under way reject. */
  close(): void {
    this.#stop(new Error("The decoding pool is closed"));
  }

  #stop(failure: Error): void {
    this.#failure ??= failure;
    for (const { worker, waiting } of this.#hands) {
      worker.terminate();
      for (const { reject } of waiting.splice(0)) reject(this.#failure);
    }
  }

  #pack(tasks: Task[]): Job {
    const ends: number[] = [];
    let length = 0;
    for (const { bytes } of tasks) ends.push(length += bytes.length);
    const bytes = new Uint8Array(length);
    tasks.forEach((task, i) => bytes.set(task.bytes, ends[i] - task.bytes.length));
    // Lists are of one length, but for the last of all; a shorter buffer is left to the collector.
    let views = this.#buffers.pop();
    if (!views || views.length < tasks.length * this.#viewsLength) {
      views = new Float32Array(tasks.length * this.#viewsLength);
    }
    return { bytes, ends, keys: tasks.map(({ epoch, index }) => ({ epoch, index })), views };
  }
}
