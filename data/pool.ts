/**
 * A pool of Workers that decode, and draw and make views.
 *
 * @module
 */
import { VIEW_CHANNELS } from "./views/apply.ts";
import type { DecodedImage } from "./views/resize.ts";
import type { PackedImage } from "./views/table.ts";
import { MachineError } from "../src/base/errors.ts";
import type { Place } from "./place.ts";
import type { Job, JobFailure, JobItem, JobResult, Setup } from "./decode_worker.ts";

/** An image for the pool: encoded, or yet to be read, or decoded already. */
export interface Task {
  bytes: Uint8Array;
  /** Where the bytes lie if they are yet to be read. */
  place?: Place | null;
  decoded?: DecodedImage;
  epoch: number;
  index: number;
}

/** What the pool has made of an image. What is not asked for is empty. */
export interface Prepared extends PackedImage {
  width: number;
  height: number;
  /** [view, size, size, 4] if the Workers make the views. */
  views: Float32Array<ArrayBuffer>;
}

/** The answer to a list of tasks. Call `release` once all is copied: the buffers serve later jobs. */
export interface PoolResult {
  /** Null for images that cannot be used; `reasons` says why. */
  images: (Prepared | null)[];
  reasons: (string | null)[];
  release(): void;
}

/** Tasks that travel together. */
interface Lot {
  tasks: Task[];
  answer: PromiseWithResolvers<PoolResult>;
  /** Workers that have crashed at it. */
  crashes: number;
}

/** A Worker and the lots it has been sent, oldest first: it answers them in order. */
interface Hand {
  worker: Worker;
  waiting: Lot[];
  watch?: ReturnType<typeof setTimeout>;
}

/** How a pool works. */
export interface PoolOptions {
  workers: number;
  /** The Worker's module; tests put another in its place. */
  url?: URL;
  /** Milliseconds after which a Worker that does not answer is given up. */
  patience?: number;
}

/** A Worker that takes so long over one lot will not answer: the largest image takes some seconds. */
const PATIENCE = 120_000;
/** A lot that so many Workers crash at is taken apart, and an image alone is then bad. */
const CRASHES_OF_A_LOT = 2;
/** So many crashes without an answer in between are no matter of an image. */
const CRASHES_IN_A_ROW = 20;

/** Prepares lists of images on several Workers. Which Worker takes a list has no influence on the result. */
export class Pool {
  readonly #setup: Setup;
  readonly #options: Required<PoolOptions>;
  readonly #hands: Hand[];
  readonly #viewsLength: number;
  readonly #views: Float32Array<ArrayBuffer>[] = [];
  readonly #pixels: Uint8Array<ArrayBuffer>[] = [];
  #failure: Error | undefined;
  #crashes = 0;

  constructor(
    setup: Setup,
    { workers, url = new URL("./decode_worker.ts", import.meta.url), patience = PATIENCE }: PoolOptions,
  ) {
    this.#setup = setup;
    this.#options = { workers, url, patience };
    const views = setup.seed === null ? 1 : setup.recipe.views.length;
    this.#viewsLength = setup.augment === "cpu" ? views * setup.size ** 2 * VIEW_CHANNELS : 0;
    this.#hands = Array.from({ length: workers }, () => this.#hire({ waiting: [] }));
  }

  /**
   * Prepares `tasks`; a bad image is an answer, and one that Workers crash at is bad. Rejects if the pool is closed, or if
   * Workers crash whatever they are given; with a MachineError if a decoder cannot be loaded, or memory is short.
   */
  run(tasks: Task[]): Promise<PoolResult> {
    return this.#send({ tasks, answer: Promise.withResolvers(), crashes: 0 });
  }

  /** Ends the Workers at once, whatever they are at. Lists under way reject. */
  close(): void {
    this.#stop(new Error("The decoding pool is closed"));
  }

  /** Gives `hand` a Worker, a new one in place of one that is gone. */
  #hire(hand: Omit<Hand, "worker">): Hand {
    const worker = new Worker(this.#options.url, { type: "module" });
    const hired: Hand = Object.assign(hand, { worker });
    // A Worker that was replaced may have left a message.
    const isGone = () => hired.worker !== worker;
    worker.onmessage = ({ data }: MessageEvent<JobResult | JobFailure>) => {
      if (isGone()) return;
      if ("failure" in data) return this.#stop(new MachineError(data.failure));
      this.#crashes = 0;
      const lot = hired.waiting.shift();
      this.#watch(hired);
      if (lot) lot.answer.resolve(this.#resultOf(lot, data));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      if (!isGone()) this.#replace(hired, event.message);
    };
    worker.onmessageerror = () => this.#stop(new Error("A decoding Worker's answer cannot be read"));
    worker.postMessage(this.#setup);
    return hired;
  }

  #send(lot: Lot): Promise<PoolResult> {
    if (this.#failure) {
      lot.answer.promise.catch(() => {});
      lot.answer.reject(this.#failure);
    } else {
      this.#hand(this.#hands.reduce((a, b) => b.waiting.length < a.waiting.length ? b : a), lot);
    }
    return lot.answer.promise;
  }

  #hand(hand: Hand, lot: Lot): void {
    hand.waiting.push(lot);
    const job = this.#pack(lot.tasks);
    hand.worker.postMessage(job, [job.bytes.buffer, job.views.buffer, job.pixels.buffer]);
    if (hand.waiting.length === 1) this.#watch(hand);
  }

  /** Starts the time that `hand` has for its oldest lot. */
  #watch(hand: Hand): void {
    clearTimeout(hand.watch);
    const { patience } = this.#options;
    if (hand.waiting.length === 0) return;
    hand.watch = setTimeout(() => this.#replace(hand, `no answer for ${patience / 1000} s`), patience);
  }

  /** Puts a new Worker in the place of one that has crashed, and gives it what the other had not answered. */
  #replace(hand: Hand, reason: string): void {
    hand.worker.terminate();
    clearTimeout(hand.watch);
    if (this.#failure) return;
    if (++this.#crashes >= CRASHES_IN_A_ROW) {
      return this.#stop(new Error(`Decoding Workers crash again and again: ${reason}`));
    }
    const [culprit, ...others] = hand.waiting.splice(0);
    this.#hire(hand);
    if (culprit) {
      culprit.crashes++;
      if (culprit.crashes < CRASHES_OF_A_LOT) this.#hand(hand, culprit);
      else if (culprit.tasks.length === 1) {
        const answer = [`the decoder crashes at it: ${reason}`];
        culprit.answer.resolve({ images: [null], reasons: answer, release() {} });
      } else this.#takeApart(culprit);
    }
    for (const lot of others) this.#hand(hand, lot);
  }

  /** Sends the tasks of `lot` one by one, to find out which of them Workers crash at. */
  #takeApart({ tasks, answer }: Lot): void {
    const parts = tasks.map((task) => this.run([task]));
    Promise.all(parts).then((results) =>
      answer.resolve({
        images: results.flatMap(({ images }) => images),
        reasons: results.flatMap(({ reasons }) => reasons),
        release: () => results.forEach(({ release }) => release()),
      }), answer.reject);
  }

  #stop(failure: Error): void {
    this.#failure ??= failure;
    for (const { worker, waiting, watch } of this.#hands) {
      worker.terminate();
      clearTimeout(watch);
      for (const { answer } of waiting.splice(0)) answer.reject(this.#failure);
    }
  }

  #pack(tasks: Task[]): Job {
    const { augment } = this.#setup;
    // What the Workers need of a decoded image: its pixels to make views of it, else its size.
    const parts = tasks.map(({ bytes, decoded }) =>
      !decoded ? bytes : augment === "cpu" ? decoded.data : nothing
    );
    const items: JobItem[] = [];
    let length = 0;
    tasks.forEach(({ epoch, index, decoded, place = null }, i) => {
      length += parts[i].length;
      items.push({
        epoch,
        index,
        end: length,
        place: decoded ? null : place,
        decoded: decoded ? { width: decoded.width, height: decoded.height } : null,
      });
    });
    const bytes = new Uint8Array(length);
    parts.forEach((part, i) => bytes.set(part, items[i].end - part.length));
    // Lists are of one length, but for the last of all; a shorter buffer is left to the collector.
    let views = this.#views.pop();
    const viewsLength = tasks.length * this.#viewsLength;
    if (!views || views.length < viewsLength) views = new Float32Array(viewsLength);
    return { bytes, items, views, pixels: this.#pixels.pop() ?? new Uint8Array(0) };
  }

  #resultOf({ tasks }: Lot, { answers, views, pixels, records }: JobResult): PoolResult {
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
      reasons: answers.map(({ reason }) => reason),
      release: () => {
        this.#views.push(views);
        this.#pixels.push(pixels);
      },
    };
  }
}

const nothing = new Uint8Array(0);
