/**
 * A pool of Workers that decode images, draw view parameters and make views.
 *
 * @module
 */
import { VIEW_CHANNELS } from "./views/apply.ts";
import type { DecodedImage } from "./views/resize.ts";
import type { PackedImage } from "./views/table.ts";
import { MachineError } from "../src/base/errors.ts";
import type { FileRange } from "./file_range.ts";
import type { Rejection } from "./rejection.ts";
import type { JobFailure, JobItem, JobMessage, JobResult, Setup } from "./decode_worker.ts";

/** An image for the pool: encoded bytes, a file range to read, or pixels that are decoded already. */
export interface Task {
  /** The encoded image; empty if there is a `fileRange`. */
  bytes: Uint8Array;
  /** Where the Worker reads the bytes itself. */
  fileRange?: FileRange | null;
  /** The decoded image, if it is cached. */
  decoded?: DecodedImage;
  /** With `index`, the key of the random draws. */
  epoch: number;
  /** The image's number in the source. */
  index: number;
}

/** The prepared image. Fields that the setup does not ask for are empty. */
export interface Prepared extends PackedImage {
  /** Pixels of a row of the decoded image. */
  width: number;
  /** Rows of the decoded image. */
  height: number;
  /** [view, size, size, 4] if the Workers make the views. */
  views: Float32Array<ArrayBuffer>;
}

/** The results of a list of tasks. */
export interface PoolResult {
  /** Null for images that are not used. */
  images: (Prepared | null)[];
  /** Why an image is not used; null for those that are. */
  rejections: (Rejection | null)[];
  /** What looks wrong about an image that can be used; null for others. */
  notes: (string | null)[];
  /** Returns the buffers to the pool. Call it once the images are copied. */
  release(): void;
}

/** Tasks sent to a Worker in one message. */
interface Job {
  tasks: Task[];
  answer: PromiseWithResolvers<PoolResult>;
  /** How many Workers have crashed on it. */
  crashes: number;
}

/** A Worker and the jobs it has been sent, oldest first: it answers them in order. */
interface WorkerSlot {
  worker: Worker;
  jobs: Job[];
  timer?: ReturnType<typeof setTimeout>;
}

/** How a pool works. */
export interface PoolOptions {
  /** Number of Workers. */
  workers: number;
  /** The Worker's module. Tests replace it. */
  url?: URL;
  /** A Worker that takes longer over one job, in milliseconds, is replaced. Default: two minutes. */
  answerTimeoutMs?: number;
}

/** The largest image takes some seconds. */
const ANSWER_TIMEOUT_MS = 120_000;
/** A job on which this many Workers crash is split; a single image is then bad. */
const MAX_CRASHES_PER_JOB = 2;
/** This many crashes without an answer in between are not the fault of an image. */
const MAX_CONSECUTIVE_CRASHES = 20;

/** Prepares lists of images on several Workers. The result does not depend on which Worker takes a list. */
export class Pool {
  readonly #setup: Setup;
  readonly #options: Required<PoolOptions>;
  readonly #slots: WorkerSlot[];
  readonly #viewsLength: number;
  readonly #views: Float32Array<ArrayBuffer>[] = [];
  readonly #pixels: Uint8Array<ArrayBuffer>[] = [];
  #failure: Error | undefined;
  #crashes = 0;

  /** Starts the Workers. */
  constructor(
    setup: Setup,
    {
      workers,
      url = new URL("./decode_worker.ts", import.meta.url),
      answerTimeoutMs = ANSWER_TIMEOUT_MS,
    }: PoolOptions,
  ) {
    this.#setup = setup;
    this.#options = { workers, url, answerTimeoutMs };
    const views = setup.seed === null ? 1 : setup.recipe.views.length;
    this.#viewsLength = setup.augment === "cpu" ? views * setup.size ** 2 * VIEW_CHANNELS : 0;
    this.#slots = Array.from({ length: workers }, () => this.#spawn({ jobs: [] }));
  }

  /**
   * Prepares `tasks`. A bad image is reported in the result, and so is one on which Workers crash. Rejects if the pool is
   * closed or if Workers crash on every job, and with a MachineError if a decoder cannot be loaded or memory is short.
   */
  run(tasks: Task[]): Promise<PoolResult> {
    return this.#send({ tasks, answer: Promise.withResolvers(), crashes: 0 });
  }

  /** Terminates the Workers at once. Unfinished calls of `run` reject. */
  close(): void {
    this.#stop(new Error("The decoding pool is closed"));
  }

  /** Starts a Worker in `slot`, replacing the one before. */
  #spawn(slot: Omit<WorkerSlot, "worker">): WorkerSlot {
    const worker = new Worker(this.#options.url, { type: "module" });
    const filled: WorkerSlot = Object.assign(slot, { worker });
    // A Worker that was replaced may have left a message.
    const isReplaced = () => filled.worker !== worker;
    worker.onmessage = ({ data }: MessageEvent<JobResult | JobFailure>) => {
      if (isReplaced()) return;
      if ("failure" in data) return this.#stop(new MachineError(data.failure));
      this.#crashes = 0;
      const job = filled.jobs.shift();
      this.#restartTimer(filled);
      if (job) job.answer.resolve(this.#resultOf(job, data));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      if (!isReplaced()) this.#replace(filled, event.message);
    };
    worker.onmessageerror = () => this.#stop(new Error("Cannot read the answer of a decoding Worker"));
    worker.postMessage(this.#setup);
    return filled;
  }

  /** Sends `job` to the Worker with the fewest jobs. */
  #send(job: Job): Promise<PoolResult> {
    if (this.#failure) {
      job.answer.promise.catch(() => {});
      job.answer.reject(this.#failure);
    } else {
      this.#assign(this.#slots.reduce((a, b) => b.jobs.length < a.jobs.length ? b : a), job);
    }
    return job.answer.promise;
  }

  #assign(slot: WorkerSlot, job: Job): void {
    slot.jobs.push(job);
    const message = this.#pack(job.tasks);
    slot.worker.postMessage(message, [message.bytes.buffer, message.views.buffer, message.pixels.buffer]);
    if (slot.jobs.length === 1) this.#restartTimer(slot);
  }

  /** Restarts the timeout of the oldest job in `slot`. */
  #restartTimer(slot: WorkerSlot): void {
    clearTimeout(slot.timer);
    const { answerTimeoutMs } = this.#options;
    if (slot.jobs.length === 0) return;
    const reason = `no answer for ${answerTimeoutMs / 1000} s`;
    slot.timer = setTimeout(() => this.#replace(slot, reason), answerTimeoutMs);
  }

  /** Replaces a crashed Worker, and sends the new one the jobs that were not answered. */
  #replace(slot: WorkerSlot, reason: string): void {
    slot.worker.terminate();
    clearTimeout(slot.timer);
    if (this.#failure) return;
    if (++this.#crashes >= MAX_CONSECUTIVE_CRASHES) {
      return this.#stop(new Error(`Decoding Workers keep crashing: ${reason}`));
    }
    const [culprit, ...others] = slot.jobs.splice(0);
    this.#spawn(slot);
    if (culprit) {
      culprit.crashes++;
      if (culprit.crashes < MAX_CRASHES_PER_JOB) this.#assign(slot, culprit);
      else if (culprit.tasks.length === 1) {
        const rejections = [{ reason: `the decoder crashes on it: ${reason}` }];
        culprit.answer.resolve({ images: [null], rejections, notes: [null], release() {} });
      } else this.#splitJob(culprit);
    }
    for (const job of others) this.#assign(slot, job);
  }

  /** Sends the tasks of a job one by one, to find those on which Workers crash. */
  #splitJob({ tasks, answer }: Job): void {
    const parts = tasks.map((task) => this.run([task]));
    Promise.all(parts).then((results) =>
      answer.resolve({
        images: results.flatMap(({ images }) => images),
        rejections: results.flatMap(({ rejections }) => rejections),
        notes: results.flatMap(({ notes }) => notes),
        release: () => results.forEach(({ release }) => release()),
      }), answer.reject);
  }

  #stop(failure: Error): void {
    this.#failure ??= failure;
    for (const { worker, jobs, timer } of this.#slots) {
      worker.terminate();
      clearTimeout(timer);
      for (const { answer } of jobs.splice(0)) answer.reject(this.#failure);
    }
  }

  #pack(tasks: Task[]): JobMessage {
    const { augment } = this.#setup;
    // Of a decoded image the Workers need the pixels only if they make the views.
    const parts = tasks.map(({ bytes, decoded }) =>
      !decoded ? bytes : augment === "cpu" ? decoded.data : noBytes
    );
    const items: JobItem[] = [];
    let length = 0;
    tasks.forEach(({ epoch, index, decoded, fileRange = null }, i) => {
      length += parts[i].length;
      items.push({
        epoch,
        index,
        end: length,
        fileRange: decoded ? null : fileRange,
        decoded: decoded ? { width: decoded.width, height: decoded.height } : null,
      });
    });
    const bytes = new Uint8Array(length);
    parts.forEach((part, i) => bytes.set(part, items[i].end - part.length));
    // All lists but the last have the same length, so a buffer that is too short is rare: it is left to the collector.
    let views = this.#views.pop();
    const viewsLength = tasks.length * this.#viewsLength;
    if (!views || views.length < viewsLength) views = new Float32Array(viewsLength);
    return { bytes, items, views, pixels: this.#pixels.pop() ?? new Uint8Array(0) };
  }

  #resultOf({ tasks }: Job, { answers, views, pixels, records }: JobResult): PoolResult {
    let recordsAt = 0, pixelsAt = 0;
    const images = answers.map((answer, i): Prepared | null => {
      if (answer.reason !== null) return null;
      const { width, height, recordsEnd, pixelsEnd } = answer;
      const prepared = {
        width,
        height,
        views: views.subarray(i * this.#viewsLength, (i + 1) * this.#viewsLength),
        pixels: tasks[i].decoded?.data ?? pixels.subarray(pixelsAt, pixelsEnd),
        records: records.subarray(recordsAt, recordsEnd),
      };
      [recordsAt, pixelsAt] = [recordsEnd, pixelsEnd];
      return prepared;
    });
    return {
      images,
      rejections: answers.map((answer) => answer.reason === null ? null : answer),
      notes: answers.map((answer) => answer.reason === null ? answer.note ?? null : null),
      release: () => {
        this.#views.push(views);
        this.#pixels.push(pixels);
      },
    };
  }
}

const noBytes = new Uint8Array(0);
