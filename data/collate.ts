/**
 * The stage that makes batches of prepared samples.
 *
 * @module
 */
import { UserError } from "../src/base/errors.ts";
import type { Position } from "./order.ts";
import type { Prepared } from "./pool.ts";
import type { ReadSample } from "./read.ts";
import type { Rejection } from "./rejection.ts";
import { type Place, positionAfter } from "./share.ts";
import { TransformStream } from "./streams.ts";

/** A sample on its way through the pipeline, without its bytes. */
export type Sample = Omit<ReadSample, "bytes" | "fileRange" | "failure">;

/** Samples after the pool. */
export interface PreparedGroup {
  /** The samples in order. */
  samples: Sample[];
  /** The prepared image of each sample; null if it is not used and has no substitute. */
  images: (Prepared | null)[];
  /** Why each image is not used, or null. */
  rejections: (Rejection | null)[];
  /** Returns the buffers of `images`. */
  release(): void;
}

/** An image that cannot be used, or that the options leave out. */
export interface BadImage extends Rejection {
  /** Its number in the source. */
  index: number;
  /** Its name in the source. */
  key: string;
}

/** A batch of n samples. */
export interface Collated {
  /** The prepared images. */
  images: Prepared[];
  /** Their samples. */
  samples: Sample[];
  /** The bad images between the batch before and the end of this one, in order. */
  bad: BadImage[];
  /** Where to resume after this batch. */
  next: Position;
  /** The batches of its round: this one, and with a share those of the other ranks. */
  places: Place[];
  /** Returns the buffers of `images`, which must not be read afterwards. */
  release(): void;
}

/** How batches are made. */
export interface CollateOptions {
  /** Samples per batch. */
  batch: number;
  /** Samples per epoch; null if unknown. */
  limit: number | null;
  /** What happens to the samples at the end of an epoch that do not fill a batch. */
  partial: "drop" | "keep";
  /** Whether every sample must be good: other ranks count on it. */
  whole?: boolean;
  /** Whether an epoch may give no batch. */
  mayBeEmpty?: boolean;
  /**
   * Called with the bad images that no batch reports: those after the last batch of an evaluation, and those of an epoch
   * without a batch. May throw to end the stream.
   */
  onBad(bad: BadImage): void;
}

/**
 * Gathers good samples into batches that never span two epochs; a bad sample is replaced by the next good one. Bad images
 * among the samples dropped at an epoch's end are not reported: a run resumed at `next` may not see them. The stream fails
 * with a UserError if an epoch gives no batch.
 */
export function collate(options: CollateOptions): TransformStream<PreparedGroup, Collated> {
  const collator = new Collator(options);
  return new TransformStream<PreparedGroup, Collated>(
    {
      transform(group, controller) {
        for (const batch of collator.add(group)) controller.enqueue(batch);
      },
      flush(controller) {
        for (const batch of collator.finish()) controller.enqueue(batch);
      },
    },
    undefined,
    { highWaterMark: 1 },
  );
}

/** A good image that waits for its batch. */
interface Pending {
  sample: Sample;
  image: Prepared;
  release(): void;
}

class Collator {
  readonly #options: CollateOptions;
  #pending: Pending[] = [];
  #bad: BadImage[] = [];
  #epoch = -1;
  /** Whether the epoch has been seen from its first sample and has given no batch yet. */
  #isWithoutBatch = false;

  constructor(options: CollateOptions) {
    this.#options = options;
  }

  /** The batches that `group` completes. */
  *add(group: PreparedGroup): Generator<Collated> {
    const release = countedRelease(group);
    for (const [i, sample] of group.samples.entries()) {
      if (sample.epoch !== this.#epoch) this.#startEpoch(sample);
      const rejection = group.rejections[i], image = group.images[i];
      if (rejection) this.#bad.push({ index: sample.index, key: sample.key, ...rejection });
      if (!image && this.#options.whole) throw notWhole(sample, rejection);
      if (!image) continue;
      this.#pending.push({ sample, image, release });
      if (this.#pending.length === this.#options.batch) yield this.#batch();
    }
  }

  /** The batch that is left at the end of the stream, if it is to be kept. */
  *finish(): Generator<Collated> {
    if (this.#pending.length && this.#options.partial === "keep") yield this.#batch();
    this.#endEpoch();
  }

  #batch(): Collated {
    const { batch, limit, partial } = this.#options;
    const members = this.#pending, bad = this.#bad;
    const last = members[members.length - 1].sample;
    const next = partial === "drop" ? positionAfter(last, { batch, limit }) : last.next;
    const places = last.places ?? [{ epoch: last.epoch, next }];
    [this.#pending, this.#bad] = [[], []];
    this.#isWithoutBatch = false;
    return {
      images: members.map(({ image }) => image),
      samples: members.map(({ sample }) => sample),
      bad,
      next: places[places.length - 1].next,
      places,
      release: () => members.forEach(({ release }) => release()),
    };
  }

  #startEpoch({ epoch, offset }: Sample): void {
    this.#endEpoch();
    this.#epoch = epoch;
    [this.#pending, this.#bad] = [[], []];
    this.#isWithoutBatch = offset === 0;
  }

  #endEpoch(): void {
    const { partial, onBad } = this.#options, bad = this.#bad;
    if (this.#isWithoutBatch || partial === "keep") bad.forEach(onBad);
    this.#pending.forEach(({ release }) => release());
    if (!this.#isWithoutBatch || this.#options.mayBeEmpty) return;
    throw withoutBatch(bad, { ...this.#options, count: bad.length + this.#pending.length });
  }
}

/** The error for a sample that cannot be used while other ranks count on the places of all. */
function notWhole({ key }: Sample, rejection: Rejection | null): UserError {
  return new UserError(
    `Cannot use image "${key}": ${
      rejection?.reason ?? "it has no substitute"
    }. Processes that train together need every ` +
      `image: replace or remove it, or start a run with --on-bad-image substitute.`,
  );
}

/** The error for an epoch of `count` images that gives no batch. */
function withoutBatch(
  bad: readonly BadImage[],
  { batch, partial, count }: Pick<CollateOptions, "batch" | "partial"> & { count: number },
): UserError {
  const leftOut = bad.filter((image) => image.leftOut).length;
  const kinds = leftOut === 0 ? "bad" : leftOut === bad.length ? "left out" : "bad or left out";
  const advice = [
    ...leftOut < bad.length ? ["replace the bad images"] : [],
    ...leftOut > 0 ? ["leave out fewer images"] : [],
    ...partial === "drop" ? ["lower the batch size"] : [],
  ].join(" or ");
  const size = partial === "drop" ? ` of ${batch}` : "";
  const example = bad.length ? `, such as "${bad[0].key}": ${bad[0].reason}` : "";
  return new UserError(
    `Cannot make a batch${size}: of ${count} images ${bad.length} are ${kinds}${example}. ` +
      `${advice[0].toUpperCase()}${advice.slice(1)}.`,
  );
}

/** A function to be called once for each good image of `group`; the last call releases the group. */
function countedRelease({ images, release }: PreparedGroup): () => void {
  let left = images.reduce((count, image) => count + (image ? 1 : 0), 0);
  if (left === 0) release();
  return () => {
    if (--left === 0) release();
  };
}
