/**
 * The stage that makes batches of prepared samples.
 *
 * @module
 */
import { UserError } from "../src/base/errors.ts";
import type { Position } from "./order.ts";
import type { Prepared } from "./pool.ts";
import type { ReadSample } from "./read.ts";
import { TransformStream } from "./streams.ts";

/** A sample on its way through the pipeline, less its bytes. */
export type Sample = Omit<ReadSample, "bytes" | "place" | "failure">;

/** Samples after the pool. */
export interface PreparedGroup {
  samples: Sample[];
  /** What was made of each; null for one that cannot be used and has no substitute. */
  images: (Prepared | null)[];
  /** What is wrong with each, or null. */
  reasons: (string | null)[];
  /** Gives the buffers of `images` back. */
  release(): void;
}

/** An image that cannot be used, and why. */
export interface BadImage {
  index: number;
  key: string;
  reason: string;
}

/** A batch of n samples. */
export interface Collated {
  images: Prepared[];
  samples: Sample[];
  /** The bad images between the batch before and the end of this one, in order. */
  bad: BadImage[];
  /** Where a run goes on that has done this batch. */
  next: Position;
  /** Gives the buffers of `images` back, for later ones; they must not be read after that. */
  release(): void;
}

/** How batches are made. */
export interface CollateOptions {
  /** Samples per batch. */
  batch: number;
  /** Samples per epoch; null if that is not known. */
  limit: number | null;
  /** What becomes of the samples at the end of an epoch that make no whole batch. */
  partial: "drop" | "keep";
  /**
   * Told of the bad images that no batch will tell: those behind the last batch of an evaluation, and those of an epoch
   * without any batch. May throw to end the stream.
   */
  onBad(bad: BadImage): void;
}

/** A good image in hand, and how it is given up. */
interface Held {
  sample: Sample;
  image: Prepared;
  release(): void;
}

/**
 * Gathers good samples to batches that never span two epochs; the next good sample takes the place of a bad one. Bad
 * images among the samples dropped at an epoch's end are dropped with them: a run resumed at `next` may not see these.
 * An epoch without any batch ends in a UserError.
 */
export function collate(
  { batch, limit, partial, onBad }: CollateOptions,
): TransformStream<PreparedGroup, Collated> {
  let held: Held[] = [], bad: BadImage[] = [];
  /** The epoch in hand; it is `fruitless` while it has been seen from its first sample and has given no batch. */
  let epoch = -1, fruitless = false;

  const emit = (controller: TransformStreamDefaultController<Collated>) => {
    const batchOf = held, { offset, next } = held[held.length - 1].sample;
    const left = limit === null ? Infinity : limit - offset - 1;
    controller.enqueue({
      images: batchOf.map(({ image }) => image),
      samples: batchOf.map(({ sample }) => sample),
      bad,
      next: left < batch && partial === "drop" ? { epoch: epoch + 1, offset: 0 } : next,
      release: () => batchOf.forEach(({ release }) => release()),
    });
    [held, bad] = [[], []];
    fruitless = false;
  };
  const endEpoch = () => {
    if (fruitless || partial === "keep") bad.forEach(onBad);
    held.forEach(({ release }) => release());
    if (!fruitless) return;
    const [wanted, remedy] = partial === "keep"
      ? ["images: expected a good one", "Replace them"]
      : [`${batch} images: expected that many good ones`, "Replace them or lower --batch"];
    const such = bad.length ? `, such as ${bad[0].key}: ${bad[0].reason}` : "";
    throw new UserError(
      `Cannot make a batch of ${wanted} among the ${
        bad.length + held.length
      }: ${bad.length} are bad${such}. ${remedy}.`,
    );
  };

  return new TransformStream<PreparedGroup, Collated>(
    {
      transform(group, controller) {
        const release = counted(group);
        group.samples.forEach((sample, i) => {
          if (sample.epoch !== epoch) {
            endEpoch();
            ({ epoch } = sample);
            [held, bad] = [[], []];
            fruitless = sample.offset === 0;
          }
          const reason = group.reasons[i], image = group.images[i];
          if (reason !== null) bad.push({ index: sample.index, key: sample.key, reason });
          if (!image) return;
          held.push({ sample, image, release });
          if (held.length === batch) emit(controller);
        });
      },
      flush(controller) {
        if (held.length && partial === "keep") emit(controller);
        endEpoch();
      },
    },
    undefined,
    { highWaterMark: 1 },
  );
}

/** To be called once for each good image of `group`: the last call gives its buffers back. */
function counted({ images, release }: PreparedGroup): () => void {
  let left = images.reduce((count, image) => count + (image ? 1 : 0), 0);
  if (left === 0) release();
  return () => {
    if (--left === 0) release();
  };
}
