/**
 * Profiles training steps, and times kernels for them, in a process of its own:
 *
 *     deno run -A bench/gpu/steps.ts '{"args":["--preset","cifar"],"kernels":["default","tuned"],"seconds":30,"to":"steps.jsonl"}'
 *
 * What is found is appended to the file `to`, a line each, so that a driver that crashes later takes nothing away.
 *
 * @module
 */
import { traceTraining, type TrainerOptions } from "../../src/byol/trace_training.ts";
import { parseTrainOptions } from "../../src/cli/train_options.ts";
import { type Gpu, openGpu } from "../../src/gpu/device.ts";
import { pipelineOf } from "../../src/gpu/kernel.ts";
import { deviceProfileOf, type KernelChooser } from "../../src/graph/kernel_choice.ts";
import { type Decision, tune } from "../../src/graph/tuner.ts";
import { openTuningCache } from "../../src/io/tuning_cache.ts";
import { optionsWithRecipe } from "../../src/config/load_recipe.ts";
import { rateOf } from "../../src/inspect/peaks.ts";
import { formatProfile } from "../../src/inspect/format_profile.ts";
import { profileStep } from "../../src/inspect/profile.ts";
import { trainerOptions } from "../../src/run/setup.ts";
import { secondsOf } from "../../src/inspect/timing.ts";

/** What is to be measured. */
export interface StepsRequest {
  /** Options of train.ts. */
  args: string[];
  /** Profiles with these kernels; kernels are timed before "tuned", or if there is none to profile. */
  kernels: ("default" | "tuned")[];
  /** Seconds to time kernels. */
  seconds: number;
  to: string;
}

/** A profile as it is kept. */
export interface StepsResult {
  kernels: "default" | "tuned";
  batch: number;
  /** Seconds of a step, by the wall's clock and summed over its kernels. */
  wall: number;
  sum: number;
  /** Kernels that were new, and the seconds that compiling them took. */
  compiled: number;
  compiling: number;
  /** The kernels that take the longest. */
  top: { name: string; share: number; ofPeak: number }[];
  /** The whole profile in words. */
  report: string;
  /** When it was taken, by Date.now(). */
  from: number;
  to: number;
}

/** How kernels were timed. */
export interface TuneResult {
  shapes: number;
  timed: number;
  seconds: number;
  /** Every decision in words. */
  report: string;
}

const TOP = 5;

/** Measures what a request asks for. */
class Measurement {
  readonly #gpu: Gpu;
  readonly #request: StepsRequest;
  readonly #training: TrainerOptions;

  constructor(gpu: Gpu, request: StepsRequest, training: TrainerOptions) {
    [this.#gpu, this.#request, this.#training] = [gpu, request, training];
  }

  async run(): Promise<void> {
    const { kernels } = this.#request;
    for (const one of kernels) {
      await this.#profile(one, one === "tuned" ? await this.#timeKernels() : undefined);
    }
    if (kernels.length === 0) await this.#timeKernels();
  }

  #keep(result: StepsResult | TuneResult): void {
    Deno.writeTextFileSync(this.#request.to, `${JSON.stringify(result)}\n`, { append: true });
  }

  async #timeKernels(): Promise<KernelChooser> {
    const cache = await openTuningCache<Decision>(), found: Decision[] = [], begin = performance.now();
    const chooser = await tune(this.#gpu, (target) => traceTraining(this.#training, target).step, {
      cache: {
        get: cache.get,
        // What there was no time for counts as settled, or the run would begin by timing it.
        set(key, { provisional: _, ...decision }) {
          cache.set(key, decision);
          found.push(decision);
        },
      },
      seconds: this.#request.seconds,
    });
    await cache.save();
    this.#keep(tuneResult(found, (performance.now() - begin) / 1000));
    return chooser;
  }

  async #profile(kernels: "default" | "tuned", chooser?: KernelChooser): Promise<void> {
    const from = Date.now(), training = this.#training;
    const { step } = traceTraining({ ...training, chooser }, deviceProfileOf(this.#gpu, chooser));
    const before = this.#gpu.pipelines.size, begin = performance.now();
    for (const dispatch of step.dispatches) pipelineOf(this.#gpu, dispatch);
    const compiling = (performance.now() - begin) / 1000;
    const profile = await profileStep(this.#gpu, { ...training, chooser });
    const sum = secondsOf(profile.kernels);
    this.#keep({
      kernels,
      batch: training.batch,
      wall: profile.wall,
      sum,
      compiled: this.#gpu.pipelines.size - before,
      compiling,
      top: profile.kernels.slice(0, TOP).map((kernel) => ({
        name: kernel.name,
        share: kernel.seconds / sum,
        ofPeak: rateOf(kernel, profile.peaks).fraction,
      })),
      report: formatProfile(profile),
      from,
      to: Date.now(),
    });
  }
}

function tuneResult(found: readonly Decision[], seconds: number): TuneResult {
  const best = ({ variant, milliseconds }: Decision) => milliseconds[variant];
  const timed = found.filter((decision) => best(decision) !== undefined);
  const lines = timed.toSorted((a, b) => best(b) - best(a)).map(({ choice, variant, milliseconds }) => {
    const all = Object.entries(milliseconds).map(([name, ms]) => `${name} ${ms.toFixed(3)}`);
    return `${choice}: ${variant} (ms: ${all.join(", ")})`;
  });
  return { shapes: found.length, timed: timed.length, seconds, report: lines.join("\n") };
}

if (import.meta.main) {
  const request: StepsRequest = JSON.parse(Deno.args[0]);
  const parsed = parseTrainOptions(request.args);
  if ("help" in parsed) throw new TypeError("Expected options of a run, not --help");
  const { options, recipe } = await optionsWithRecipe(parsed.given);
  using gpu = await openGpu();
  await new Measurement(gpu, request, trainerOptions(options, recipe)).run();
}
