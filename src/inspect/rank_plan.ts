/**
 * How long a step of many ranks would take: a model of what `src/byol/exchange.ts` does, with speeds that were measured.
 *
 * A step of L batches of each of R ranks takes
 *
 *     L · (compute + read) + (L − 1) · max(0, sum − compute) + sum + gather + write
 *
 * as all sums but the last go on beside the next batch. Each rank has a GPU and cores of its own: R ranks that share them
 * compute R times as slowly.
 *
 * @module
 */
import { alignColumns, grouped, percent } from "../base/format.ts";
import { bytesOfRound } from "../byol/exchange.ts";
import { traceTraining, type TrainerOptions } from "../byol/trace_training.ts";
import { VIEWS } from "../byol/step.ts";
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
  /** Copies of 64 MiB from and to that GPU. */
  reading: 1.5e9,
  writing: 4.3e9,
  /** Additions by a core, in bytes of a term. */
  adding: 2e9,
  /** Meeting at rank 0: two messages that are polled, and each rank's message. */
  meeting: 0.003,
  meetingOfRank: 5e-6,
  /** A message of a collective between two ranks. */
  message: 20e-6,
  /** The part of the network's speed that TCP reaches. */
  networkShare: 0.8,
};

/** Collectives of a round, and as many at the end of a step: of what is summed, and of statistics. */
const COLLECTIVES = 2;

/** What a step of one rank is. */
export interface StepCosts {
  /** Images of a batch, and operations of a step of one. */
  batch: number;
  flops: number;
  /** Bytes that are summed: gradients, and a few figures. */
  summed: number;
  /** Bytes of running statistics. A batch has moments for each of its views. */
  statistics: number;
}

/** A step of so many ranks. Times are in seconds. */
export interface RankPlan {
  ranks: number;
  step: number;
  /** Images a second of all ranks, and that relative to as many single ones. */
  imagesPerSecond: number;
  efficiency: number;
  /** Bytes that a rank sends to others in a step, and messages with them. */
  sent: number;
  messages: number;
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
  return { batch: options.batch, flops, summed, statistics: moments / VIEWS };
}

/** Predicts a step of `ranks` with `batches` of each. */
export function planRanks(
  { batch, flops, summed, statistics }: StepCosts,
  { network, gigaflops, ranks, batches }: Speeds & { ranks: number; batches: number },
): RankPlan {
  const compute = flops / (gigaflops * 1e9), alone = batch / compute, others = ranks - 1;
  if (others === 0) {
    const step = batches * compute;
    return { ranks, step, imagesPerSecond: alone, efficiency: 1, sent: 0, messages: 0 };
  }
  const { mapping, reading, writing, adding, meeting, meetingOfRank, message, networkShare } = MEASURED;
  // Each rank adds a slice of its own.
  const slice = (bytes: number) => 4 * Math.max(1, Math.ceil(bytes / 4 / ranks));
  const exchanged = others * (slice(summed) + VIEWS * slice(statistics));
  const gathered = others * (slice(summed) + slice(statistics));
  const speed = network * 1e9 / 8 * networkShare, messages = COLLECTIVES * others;
  const sending = (bytes: number) => bytes / speed + messages * message;
  const bytes = summed + VIEWS * statistics, read = mapping + bytes / reading;
  const sum = meeting + ranks * meetingOfRank + sending(exchanged) + bytes / adding;
  const hidden = (batches - 1) * Math.max(0, sum - compute);
  const write = (summed + statistics) / writing;
  const step = batches * (compute + read) + hidden + sum + sending(gathered) + write;
  const imagesPerSecond = ranks * batches * batch / step;
  return {
    ranks,
    step,
    imagesPerSecond,
    efficiency: imagesPerSecond / (ranks * alone),
    sent: batches * exchanged + gathered,
    messages: (batches + 1) * messages,
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
      ((costs.summed + VIEWS * costs.statistics) / 1e6).toFixed(1)
    } MB are exchanged after ` +
    `it. Assumed: reading at ${gigabytes(reading)} after ${1000 * mapping} ms, writing at ${
      gigabytes(writing)
    }, ` +
    `adding at ${gigabytes(adding)}, as measured; a GPU for each rank, all equally fast, data never late.`,
  ].join("\n");
}
