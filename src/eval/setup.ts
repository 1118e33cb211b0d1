/**
 * What an evaluation needs before its first image: the encoder, the data, a GPU, and settings with their defaults.
 *
 * @module
 */
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { BadImage, ImageNote } from "../../data/pipeline.ts";
import { badLog } from "../base/bad_log.ts";
import { UserError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import { noteLog } from "../base/note_log.ts";
import { defaultWorkers } from "../config/default_values.ts";
import { expectEvaluateOptions } from "../config/evaluate_flags.ts";
import { type Gpu, openGpu } from "../gpu/device.ts";
import { type EvaluationData, openEvaluationData } from "./data.ts";
import type { EvaluatedEncoder } from "./evaluated_encoder.ts";
import { INITIAL_WEIGHTS, openInitialEncoder } from "./initial_encoder.ts";
import { type ChooseKernels, openKernelChoice } from "./kernels.ts";
import { expectIndexed } from "./labeled_crops.ts";
import { type EvaluatedRun, openEncoder, openRun } from "./open_encoder.ts";
import type { EvaluateOptions, RowName } from "./types.ts";

const TEMPERATURE = 0.1;

const ROWS: readonly RowName[] = ["raw pixels", "untrained", "initial", "trained"];

/** The settings of an evaluation, none left out. */
export interface Protocol {
  rows: readonly RowName[];
  seed: number;
  workers: number;
  /** Images with a shorter side, in pixels, are left out. */
  minSide: number;
  temperature: number;
  probeViews: "cached" | "crop" | "none";
  /** Null: as {@linkcode probeEpochsOf} says. */
  probeEpochs: number | null;
  /** Fraction of the labels to learn from. */
  labels: number;
}

/** What an evaluation works with. Dispose of it to close the data and free the GPU. */
export interface EvaluationSetup extends Disposable {
  run: EvaluatedRun | null;
  encoder: EvaluatedEncoder;
  /** The encoder that the run started from, if it was not drawn. */
  initial: EvaluatedEncoder | null;
  data: EvaluationData;
  gpu: Gpu;
  protocol: Protocol;
  chooseKernels: ChooseKernels;
  /** Keys of the images that could not be used, and of those that `minSide` leaves out. */
  unused: { bad: ReadonlySet<string>; leftOut: ReadonlySet<string> };
  /** Keeps and logs an image that is not used. */
  onBad(image: BadImage): void;
  onNote(note: ImageNote): void;
}

/**
 * Opens what `options` name.
 *
 * @throws {UserError} on input that cannot be used.
 * @throws {MachineError} if there is no adapter.
 */
export async function openEvaluation(options: EvaluateOptions): Promise<EvaluationSetup> {
  expectEvaluateOptions(options);
  if (options.run === undefined && options.encoder === undefined) {
    throw new UserError("Cannot evaluate without an encoder. Add --run DIR or --encoder FILE.");
  }
  const run = options.run === undefined ? null : await openRun(options.run);
  const { kernels, precision, log = console.log } = options;
  const encoder = await openEncoder({ ...options, log }, run);
  const initial = await initialOf(run, encoder);
  using opened = new DisposableStack();
  const data = opened.use(await openEvaluationData(options, run, { ...encoder, seed: seedOf(options, run) }));
  if (options.probeViews === "crop" || options.finetune) expectIndexed(data.train.whole);
  const gpu = opened.use(await openGpu());
  const chooseKernels = await openKernelChoice(gpu, { kernels, precision, log });
  const kept = opened.move();
  return {
    run,
    encoder,
    initial,
    data,
    gpu,
    protocol: protocolOf(options, { run, initial }),
    chooseKernels,
    ...collectUnused(log),
    onNote: noteLog(log),
    [Symbol.dispose]: () => kept.dispose(),
  };
}

function collectUnused(log: (line: string) => void): Pick<EvaluationSetup, "unused" | "onBad"> {
  const bad = new Set<string>(), leftOut = new Set<string>(), logFirst = badLog(log);
  return {
    unused: { bad, leftOut },
    onBad(image) {
      const keys = image.leftOut ? leftOut : bad;
      if (keys.has(image.key)) return;
      keys.add(image.key);
      logFirst(image);
    },
  };
}

function seedOf({ seed }: EvaluateOptions, run: EvaluatedRun | null): number {
  return seed ?? run?.options.seed ?? 0;
}

/** The encoder that `run` started from; null if its weights were drawn, or are not those of this network. */
async function initialOf(
  run: EvaluatedRun | null,
  { config, stem, size }: EvaluatedEncoder,
): Promise<EvaluatedEncoder | null> {
  const path = run && join(run.out, INITIAL_WEIGHTS);
  if (!path || !await exists(path)) return null;
  const initial = await openInitialEncoder(path, { size });
  return isDeepStrictEqual([initial.config, initial.stem], [config, stem]) ? initial : null;
}

function protocolOf(
  options: EvaluateOptions,
  { run, initial }: { run: EvaluatedRun | null; initial: EvaluatedEncoder | null },
): Protocol {
  const { probeViews = "cached", baselines = true } = options;
  return {
    rows: baselines ? ROWS.filter((name) => name !== "initial" || initial) : ["trained"],
    seed: seedOf(options, run),
    workers: options.workers ?? defaultWorkers(),
    minSide: options.minSide ?? run?.options.minSide ?? 1,
    temperature: options.temperature ?? TEMPERATURE,
    probeViews,
    probeEpochs: options.probeEpochs ?? null,
    labels: options.labels ?? 1,
  };
}
