/**
 * The stage that makes batches of decoded samples.
 *
 * @module
 */
import { UserError } from "../src/errors.ts";
import type { Position, Visit } from "./order.ts";
import { TransformStream } from "./streams.ts";

/** A visited sample after reading. */
export interface Sample extends Visit {
  key: string;
  label: number | null;
}

/** Samples after the pool: their views, [sample, view, …], and for each sample what is wrong with it, or null. */
export interface DecodedGroup {
  samples: Sample[];
  views: Float32Array;
  reasons: (string | null)[];
  /** Gives the buffer of `views` back. */
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
  /** View by view: [view, n, …]. */
  views: Float32Array<ArrayBuffer>;
  samples: Sample[];
  /** The bad images between the batch before and the end of this one, in order. */
  bad: BadImage[];
  /** Where a run goes on that has done this batch. */
  next: Position;
  /** Gives the buffer of `views` back, for a later batch; it must not be read after that. */
  release(): void;
}

/** How batches are made. */
export interface CollateOptions {
  /** Samples per batch. */
  batch: number;
  /** Views per sample. */
  views: number;
  /** Values per view. */
  viewLength: number;
  /** Samples per epoch. */
  limit: number;
  /** What becomes of the samples at the end of an epoch that make no whole batch. */
  partial: "drop" | "keep";
  /**
   * Told of the bad images that no batch will tell: those behind the last batch of an evaluation, and those of an epoch
   * without any batch. May throw to end the stream.
   */
  onBad(bad: BadImage): void;
}

/**
 * Copies good samples to batches that never span two epochs; the next good sample takes the place of a bad one. Bad
 * images among the samples dropped at an epoch's end are dropped with them: a run resumed at `next` may not see these.
 * An epoch without any batch ends in a UserError.
 */
export function collate(
  { batch, views, viewLength, limit, partial, onBad }: CollateOptions,
): TransformStream<DecodedGroup, Collated> {
  const buffers: Float32Array<ArrayBuffer>[] = [];
  const take = () => buffers.pop() ?? new Float32Array(views * batch * viewLength);
  let filling = take(), samples: Sample[] = [], bad: BadImage[] = [];
  /** The epoch in hand; it is `fruitless` while it has been seen from its first sample and has given no batch. */
  let epoch = -1, fruitless = false;

  const emit = (controller: TransformStreamDefaultController<Collated>) => {
    const whole = filling, { offset } = samples[samples.length - 1];
    const left = limit - offset - 1;
    controller.enqueue({
      // Only evaluation, with its single view, keeps partial batches: its values lie at the front.
      views: samples.length < batch ? whole.subarray(0, samples.length * viewLength) : whole,
      samples,
      bad,
      next: left < batch && partial === "drop"
        ? { epoch: epoch + 1, offset: 0 }
        : { epoch, offset: offset + 1 },
      release: () => buffers.push(whole),
    });
    filling = take();
    [samples, bad] = [[], []];
    fruitless = false;
  };
  const endEpoch = () => {
    if (fruitless || partial === "keep") bad.forEach(onBad);
    if (!fruitless) return;
    const [wanted, remedy] = partial === "keep"
      ? ["images: expected a good one", "Replace them"]
      : [`${batch} images: expected that many good ones`, "Replace them or lower --batch"];
    throw new UserError(
      `Cannot make a batch of ${wanted} among the ${limit}: ${bad.length} are bad, such as ${bad[0].key}: ` +
        `${bad[0].reason}. ${remedy}.`,
    );
  };

  return new TransformStream<DecodedGroup, Collated>(
    {
      transform(group, controller) {
        group.samples.forEach((sample, i) => {
          if (sample.epoch !== epoch) {
            endEpoch();
            ({ epoch } = sample);
            [samples, bad] = [[], []];
            fruitless = sample.offset === 0;
          }
          const reason = group.reasons[i];
          if (reason !== null) {
            bad.push({ index: sample.index, key: sample.key, reason });
            return;
          }
          for (let v = 0; v < views; v++) {
            const start = (i * views + v) * viewLength;
            filling.set(
              group.views.subarray(start, start + viewLength),
              (v * batch + samples.length) * viewLength,
            );
          }
          samples.push(sample);
          if (samples.length === batch) emit(controller);
        });
        group.release();
      },
      flush(controller) {
        if (samples.length && partial === "keep") emit(controller);
        endEpoch();
      },
    },
    undefined,
    { highWaterMark: 1 },
  );
}
