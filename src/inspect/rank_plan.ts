/**
 * How long a step of many ranks would take: a model of what `src/byol/exchange.ts` does, with speeds that were measured.
 *
 * A step of L batches of each of R ranks, which read, sum and write V bytes:
 *
 *     L · (compute + read) + (L − 1) · max(0, sum − compute) + sum + gather + write
 *
 * as all sums but the last go on beside the next batch.
 *
 * @module
 */
import { alignColumns, grouped, percent } from "../base/format.ts";
import { bytesOfRound } from "../byol/exchange.ts";
import { traceTraining, type TrainerOptions } from "../byol/trace_training.ts";
import { worldOfOne } from "../distributed/world.ts";
import type { ChoosingProfile } from "../graph/kernel_choice.ts";

/** Speeds of the machines and the network. */
export interface Speeds {
  /** Gbit a second that a machine sends, and receives at the same time. */
  network: number;
  /** Billions of floating-point operations a second that a step reaches. */
  gigaflops: number;
}

/** What was measured, see docs/distributed.md; in seconds and bytes per second. */
export const MEASURED = {
  /** What an NVIDIA H200 reaches in a step of resnet50, in Gflop/s. */
  gigaflops: 28_700,
  /** Until Deno reports that a copy is done. */
  mapping: 0.011,
  reading: 0.75e9,
  writing: 0.9e9,
  /** Additions, in bytes of a term. */
  adding: 2e9,
  /** Meeting at rank 0: two messages that are polled, and each rank's message. */
  meeting: 0.003,
  meetingOfRank: 5e-6,
  /** A message of a collective between two ranks. */
  message: 20e-6,
  /** The part of the network's speed that TCP reaches. */
  networkShare: 0.8,
};

/** What a step of one rank is. */
export interface StepCosts {
  /** Images of a batch, and operations of a step of one. */
  batch: number;
  flops: number;
  /** Bytes that a rank reads in a round. */
  bytes: number;
}

/** A step of so many ranks. Times are in seconds. */
export interface RankPlan {
  ranks: number;
  step: number;
  /** Images a second of all ranks, and that relative to as many single ones. */
  imagesPerSecond: number;
  efficiency: number;
  /** Bytes that a rank sends in a step. */
  sent: number;
}

/** What a step with these options is made of. */
export function stepCosts(options: TrainerOptions, target: ChoosingProfile): StepCosts {
  // Two ranks: a single one exchanges nothing.
  const { step, exchanged } = traceTraining(
    { ...options, accumulate: 2, world: { ...worldOfOne, size: 2 } },
    target,
  );
  const { summed, moments } = bytesOfRound(exchanged!);
  const flops = step.dispatches.reduce((sum, dispatch) => sum + dispatch.flops, 0);
  return { batch: options.batch, flops, bytes: summed + moments };
}

/** Predicts a step of `ranks` with `batches` of each. */
export function planRanks(
  { batch, flops, bytes }: StepCosts,
  { network, gigaflops, ranks, batches }: Speeds & { ranks: number; batches: number },
): RankPlan {
  const compute = flops / (gigaflops * 1e9), alone = batch / compute;
  if (ranks === 1) return { ranks, step: batches * compute, imagesPerSecond: alone, efficiency: 1, sent: 0 };
  const { mapping, reading, writing, adding, meeting, meetingOfRank, message, networkShare } = MEASURED;
  const moved = bytes * (ranks - 1) / ranks, speed = network * 1e9 / 8 * networkShare;
  const collective = moved / speed + (ranks - 1) * message;
  const read = mapping + bytes / reading;
  const sum = meeting + ranks * meetingOfRank + collective + bytes / adding;
  const hidden = (batches - 1) * Math.max(0, sum - compute);
  const step = batches * (compute + read) + hidden + sum + collective + bytes / writing;
  const imagesPerSecond = ranks * batches * batch / step;
  return {
    ranks,
    step,
    imagesPerSecond,
    efficiency: imagesPerSecond / (ranks * alone),
    sent: (batches + 1) * moved,
  };
}

/** Batches of a rank in the second half of the table. */
const MORE_BATCHES = 4;

/** A table for 1, 2, 4 … `most` ranks, with what it assumes. */
export function formatRankPlan(costs: StepCosts, { most, ...speeds }: Speeds & { most: number }): string {
  const sizes: number[] = [];
  for (let ranks = 1; ranks < most; ranks *= 2) sizes.push(ranks);
  const rows = [...sizes, most].map((ranks) => {
    const cells = [1, MORE_BATCHES].flatMap((batches) => {
      const { step, imagesPerSecond, efficiency } = planRanks(costs, { ...speeds, ranks, batches });
      return [`${(1000 * step).toFixed(0)} ms`, grouped(Math.round(imagesPerSecond)), percent(efficiency)];
    });
    return [`${ranks}`, ...cells];
  });
  const { mapping, reading, writing, adding } = MEASURED;
  const head = [
    "ranks",
    "step",
    "images/s",
    "efficiency",
    `step of ${MORE_BATCHES}`,
    "images/s",
    "efficiency",
  ];
  const gigabytes = (speed: number) => `${speed / 1e9} GB/s`;
  return [
    `Predicted for ranks that compute at ${
      speeds.gigaflops / 1000
    } TFLOP/s and send ${speeds.network} Gbit/s, with 1 ` +
    `or ${MORE_BATCHES} batches of ${costs.batch} images of each in a step:`,
    ...alignColumns([head, ...rows]).map((line) => `  ${line}`),
    `A batch takes ${(costs.flops / 1e12).toFixed(2)} Tflop, and ${
      (costs.bytes / 1e6).toFixed(1)
    } MB are exchanged after ` +
    `it. Assumed: reading at ${gigabytes(reading)} after ${1000 * mapping} ms, writing at ${
      gigabytes(writing)
    }, ` +
    `adding at ${gigabytes(adding)}, as measured; all ranks equally fast, data never late.`,
  ].join("\n");
}
