/**
 * Where the time of a training step goes: each kernel's time beside what the adapter can reach, and the time of the whole
 * step.
 *
 * @module
 */
import { drawView } from "../../data/views/draw.ts";
import { type PackedImage, RecordWriter } from "../../data/views/table.ts";
import { MachineError } from "../base/errors.ts";
import { keyedRandom } from "../base/random.ts";
import type { TrainerOptions } from "../byol/trace_training.ts";
import { Trainer } from "../byol/trainer.ts";
import type { PretrainOptions } from "../config/pretrain_options.ts";
import { type Gpu, openGpu } from "../gpu/device.ts";
import type { Timing } from "../graph/program.ts";
import type { Decision } from "../graph/tuner.ts";
import { openTuningCache } from "../io/tuning_cache.ts";
import { optionsWithWeights } from "../run/initial_weights.ts";
import { chooseKernels, trainerOptions } from "../run/setup.ts";
import type { LoaderOptions } from "../views/view_uploader.ts";
import { measurePeaks, type Peaks } from "./peaks.ts";
import { byKernel, type KernelTime, median, medians, SAMPLES, timingsOf, wallTimer } from "./timing.ts";

/** The profile of a training step. */
export interface RunProfile {
  /** Name of the GPU. */
  adapter: string;
  /** Images per batch. */
  batch: number;
  /** Batches whose gradients are averaged in a step. */
  accumulate: number;
  /** Side of the views in pixels. */
  size: number;
  /** Time by kernel, the longest first; together one step. */
  kernels: KernelTime[];
  /** Seconds from step to step, as a run submits them. */
  wall: number;
  /** What probes reached on this GPU. */
  peaks: Peaks;
}

/**
 * Profiles a step with these options, on random images. Nothing is written but which kernels are fastest, and no data is
 * opened.
 *
 * @throws {UserError} on options that cannot be used.
 * @throws {MachineError} if there is no adapter, its driver has no timestamps, or the step does not fit.
 */
export async function profileOf(given: PretrainOptions): Promise<RunProfile> {
  const { options, recipe } = await optionsWithWeights(given), { log = console.log } = given;
  using gpu = await openGpu();
  expectTimestamps(gpu);
  const tuning = await openTuningCache<Decision>();
  const chooser = await chooseKernels(gpu, { options, recipe, tuning, log });
  return await profileStep(gpu, { ...trainerOptions(options, recipe), chooser });
}

/** Throws a {@linkcode MachineError} unless the driver of `gpu` has timestamps. */
export function expectTimestamps({ timestamps, name }: Pick<Gpu, "timestamps" | "name">): void {
  if (timestamps) return;
  throw new MachineError(
    `Cannot profile on "${name}": its driver has no timestamps (WebGPU's feature timestamp-query). Measure whole steps ` +
      `with: deno task bench step.`,
  );
}

/** Takes steps with `options` from initial weights on random views, and measures their wall time and memory alone. */
export async function wallOfStep(
  gpu: Gpu,
  options: TrainerOptions,
): Promise<{ wall: number; bytes: number }> {
  using trainer = new Trainer(gpu, options);
  const wall = await wallTimer(stepsOf(trainer, options)), walls: number[] = [];
  for (let i = 0; i < SAMPLES; i++) walls.push(await wall());
  return { wall: median(walls), bytes: trainer.plannedBytes };
}

/** The steps of `trainer`, from initial weights on random views. */
function stepsOf(
  trainer: Trainer,
  options: TrainerOptions,
): { run: () => void; settled: () => Promise<void> } {
  const { batch, size, accumulate = 1 } = options;
  trainer.initialize({ seed: 0, targetInit: "copy" });
  const views = options.loading
    ? randomImages(options.loading, { batch, size })
    : new Float32Array(2 * batch * size * size * 4).map(keyedRandom(0).normal);
  let step = 0;
  const scalars = { lr: 0.01, momentum: 0.9, weightDecay: 1e-6, tau: 0.99 };
  return {
    run() {
      for (let part = 0; part < accumulate; part++) trainer.step(views, { ...scalars, step, part });
      step++;
    },
    settled: () => trainer.settled(),
  };
}

/** Takes steps with `options` from initial weights on random views, and measures them. */
export async function profileStep(gpu: Gpu, options: TrainerOptions): Promise<RunProfile> {
  expectTimestamps(gpu);
  const { batch, size, accumulate = 1 } = options;
  using trainer = new Trainer(gpu, options);
  const wall = await wallTimer(stepsOf(trainer, options));
  await trainer.timings(); // compiles what only timed runs use
  const walls: number[] = [], runs: Timing[][] = [], peaks: Peaks[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    walls.push(await wall());
    runs.push(await timingsOf(gpu, trainer));
    peaks.push(await measurePeaks(gpu, 1));
  }
  return {
    ...{ adapter: gpu.name, batch, accumulate, size },
    kernels: byKernel(medians(runs)),
    wall: median(walls),
    peaks: {
      flops: median(peaks.map(({ flops }) => flops)),
      bytes: median(peaks.map(({ bytes }) => bytes)),
    },
  };
}

/** Random images of the run's decoding size, with views drawn by its recipe. */
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
