/**
 * Where the time of a training step goes, in words: each kernel's share, its rate beside what probes reach on this
 * adapter, and what the step takes beyond its kernels.
 *
 * @module
 */
import { drawView } from "../../data/views/draw.ts";
import type { LoaderOptions } from "../views/view_uploader.ts";
import { type PackedImage, RecordWriter } from "../../data/views/table.ts";
import { Trainer, type TrainerOptions } from "../byol/trainer.ts";
import { MachineError } from "../base/errors.ts";
import type { Gpu } from "../gpu/device.ts";
import type { Timing } from "../graph/program.ts";
import { measurePeaks, type Peaks, rateOf } from "./peaks.ts";
import { keyedRandom } from "../base/random.ts";
import {
  byKernel,
  type KernelTime,
  median,
  medians,
  SAMPLES,
  secondsOf,
  timingsOf,
  wallTimer,
} from "./timing.ts";

/** What was measured of a step. */
export interface Profile {
  /** By name, the longest first; together one step. */
  kernels: KernelTime[];
  /** Seconds from step to step of an ordinary run, which submits all at once. */
  wall: number;
  peaks: Peaks;
}

/** Throws a {@linkcode MachineError} unless `gpu` can tell the time. */
export function expectTimestamps({ timestamps, name }: Pick<Gpu, "timestamps" | "name">): void {
  if (timestamps) return;
  throw new MachineError(
    `Cannot profile on ${name} as its driver must have WebGPU's feature timestamp-query: it has not. ` +
      `deno task bench step measures whole steps on any adapter.`,
  );
}

/** Images of noise, as large as photographs are decoded for the run, with views drawn by its recipe. */
function randomImages(
  { views, decodeSize }: LoaderOptions,
  { batch, size }: { batch: number; size: number },
): PackedImage[] {
  const writer = new RecordWriter(), side = decodeSize;
  return Array.from({ length: batch }, (_, i) => {
    const random = keyedRandom(0, i);
    for (const view of views) {
      writer.add(drawView(view, { width: side, height: side, size }, random), { width: side, size });
    }
    const pixels = new Uint8Array(side * side * 4).map(() => random.integer(256));
    return { pixels, records: writer.take() };
  });
}

/** Takes steps of `options` on drawn weights and random views, and measures them. */
export async function profileStep(gpu: Gpu, options: TrainerOptions): Promise<Profile> {
  expectTimestamps(gpu);
  const { batch, size, accumulate = 1 } = options;
  using trainer = new Trainer(gpu, options);
  trainer.initialize({ seed: 0, targetInit: "copy" });
  const views = options.loading
    ? randomImages(options.loading, { batch, size })
    : new Float32Array(2 * batch * size * size * 4).map(keyedRandom(0).normal);
  let step = 0;
  const scalars = { lr: 0.01, momentum: 0.9, weightDecay: 1e-6, tau: 0.99 };
  const wall = await wallTimer({
    run() {
      for (let part = 0; part < accumulate; part++) trainer.step(views, { ...scalars, step, part });
      step++;
    },
    settled: () => trainer.settled(),
  });
  await trainer.timings(); // what only this way of submitting compiles
  const walls: number[] = [], runs: Timing[][] = [], peaks: Peaks[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    walls.push(await wall());
    runs.push(await timingsOf(gpu, trainer));
    peaks.push(await measurePeaks(gpu, 1));
  }
  return {
    kernels: byKernel(medians(runs)),
    wall: median(walls),
    peaks: {
      flops: median(peaks.map(({ flops }) => flops)),
      bytes: median(peaks.map(({ bytes }) => bytes)),
    },
  };
}

const milliseconds = (seconds: number) => (1000 * seconds).toFixed(3);
const percent = (fraction: number) => `${(100 * fraction).toFixed(1)} %`;

/** The lines of `rows` in columns: the first to the left, the others to the right. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, j) => Math.max(...rows.map((row) => row[j].length)));
  const line = (row: readonly string[]) =>
    row.map((cell, j) => j === 0 ? cell.padEnd(widths[j]) : cell.padStart(widths[j])).join("  ");
  return rows.map((row) => `  ${line(row)}`.trimEnd());
}

/** `profile` as a table. */
export function profileTable({ kernels, wall, peaks }: Profile): string[] {
  const sum = secondsOf(kernels);
  const calls = kernels.reduce((sum, { calls }) => sum + calls, 0);
  return columns([
    ["kernel", "calls", "ms", "share", "rate", "of the peak"],
    ...kernels.map((kernel) => {
      const { text, fraction } = rateOf(kernel, peaks);
      const { name, calls, seconds } = kernel;
      return [name, `${calls}`, milliseconds(seconds), percent(seconds / sum), text, percent(fraction)];
    }),
    ["sum", `${calls}`, milliseconds(sum), percent(1), "", ""],
    ["wall time of a step", "", milliseconds(wall), "", "", ""],
    ["wall ÷ sum", "", (wall / sum).toFixed(3), "", "", ""],
  ]);
}

/** `profile` in words. */
export function describeProfile(
  profile: Profile,
  { adapter, batch, size, accumulate = 1 }: {
    adapter: string;
    batch: number;
    size: number;
    accumulate?: number;
  },
): string {
  const { flops, bytes } = profile.peaks;
  const images = accumulate > 1 ? `${accumulate} batches of ${batch}` : `${batch}`;
  return [
    `Profile of a step of ${images} images of ${size} × ${size} pixels in two views, on ${adapter}:`,
    ...profileTable(profile),
    `Peaks on this adapter, by probes: ${(flops / 1e9).toFixed(1)} GFLOP/s of multiply-adds in registers, ` +
    `${(bytes / 1e9).toFixed(1)} GB/s from one storage buffer to another.`,
    `Times are medians of ${SAMPLES}: of kernels by the GPU's clock, each in a pass of its own; of a step as a run submits it.`,
    "GFLOP/s count what the equations ask for, GB/s each tensor once.",
  ].join("\n");
}

/** Where the time of a step with `options` goes, as a text. */
export async function profileReport(gpu: Gpu, options: TrainerOptions): Promise<string> {
  return describeProfile(await profileStep(gpu, options), { ...options, adapter: gpu.name });
}
