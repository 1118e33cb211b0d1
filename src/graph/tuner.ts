/**
 * The tuner: times the variants of the same work, and takes the fastest on this adapter.
 *
 * First their results are compared: a variant that the driver rejects, or that computes wrong, is dropped and reported, and
 * the run continues without it.
 *
 * A decision depends on the adapter and on the dispatches of the variants: the joined text of their kernels, constants,
 * sizes and grids. A hash of all that is its key in a cache. Decisions in the cache are not timed again, so that with a warm
 * cache equal runs use equal kernels and agree to the bit.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { MachineError } from "../base/errors.ts";
import type { Gpu } from "../gpu/device.ts";
import { codeOf } from "../gpu/kernel.ts";
import { judge, toleranceOf } from "./judge.ts";
import { Noise } from "./noise.ts";
import { race } from "./race.ts";
import {
  type ChoosingProfile,
  deviceProfileOf,
  type KernelChoice,
  type KernelChooser,
} from "./kernel_choice.ts";
import type { Dispatch } from "./dispatch_list.ts";
import { createTimer, type Timer } from "./timer.ts";
import { typeOf } from "./tensor.ts";
import { dispatchesOf, standInsFor, Trial } from "./trial.ts";

/** The decision on one choice. */
export interface Decision {
  /** The name of the choice. */
  choice: string;
  /** The variant to use. */
  variant: string;
  /** Milliseconds of each variant that was timed; empty if there was no time left, or no alternative. */
  milliseconds: Record<string, number>;
  /** Why variants must not be used, by name. */
  excluded?: Record<string, string>;
  /** Set if there was no time to measure, but a later run may have it. */
  provisional?: true;
}

/** Decisions by key, which the caller may keep for later runs. */
export interface TuningCache {
  get(key: string): Decision | undefined;
  set(key: string, decision: Decision): void;
}

/** Seconds after which no more shapes are timed. On a CPU more would not pay off; a GPU trains for hours. */
const BUDGET = { software: 3, hardware: 30 };

/**
 * Decides every choice of a trace that is not in the cache, the largest first, until the time is up; the rest get their
 * defaults.
 *
 * @param trace Traces the work for the given profile.
 * @param options `cache`: known decisions, to which new ones are added. `seconds`: the time limit. `report`: receives lines
 * about the progress. `timer`: takes the samples; by default the GPU's. `signal`: aborts it; what was decided until then is in the cache.
 * @returns the chooser for a {@linkcode ChoosingProfile}.
 * @throws {MachineError} if the GPU is lost.
 */
export async function tune(
  gpu: Gpu,
  trace: (target: ChoosingProfile) => { dispatches: readonly Dispatch[] },
  { cache, seconds = gpu.software ? BUDGET.software : BUDGET.hardware, report = () => {}, timer, signal }: {
    cache: TuningCache;
    seconds?: number;
    report?: (line: string) => void;
    timer?: Timer;
    signal?: AbortSignal;
  },
): Promise<KernelChooser> {
  const end = performance.now() + 1000 * seconds;
  const contests = openContests(gpu, { trace, cache });
  if (contests.length > 0) {
    report(`Timing kernels for ${contests.length} shapes on ${gpu.name}; later runs reuse the result`);
    using noise = new Noise(gpu);
    const trials = { noise, timer: timer ?? await createTimer(gpu), late: () => performance.now() > end };
    const dropped = new Map<string, { choice: string; reason: string; more: number }>();
    for (const { key, choice } of contests) {
      signal?.throwIfAborted();
      const decision = trials.late() ? untimed(gpu, choice) : await decide(gpu, choice, trials);
      cache.set(key, decision);
      for (const [variant, reason] of Object.entries(decision.excluded ?? {})) {
        const known = dropped.get(variant);
        if (known) known.more++;
        else dropped.set(variant, { choice: choice.name, reason, more: 0 });
      }
    }
    for (const [variant, { choice, reason, more }] of dropped) {
      report(`Dropped ${variant} for ${choice}${more > 0 ? ` and ${more} more shapes` : ""}: ${reason}`);
    }
  }
  return chooserFrom(gpu, cache);
}

/** The choices of a trace that are not in the cache, the slowest first. */
function openContests(
  gpu: Gpu,
  { trace, cache }: {
    trace: (target: ChoosingProfile) => { dispatches: readonly Dispatch[] };
    cache: TuningCache;
  },
): Contest[] {
  const target = deviceProfileOf(gpu);
  const open = new Map<string, Contest>();
  trace({
    ...target,
    chooser(choice) {
      const key = keyOf(gpu, choice);
      const contest = open.get(key);
      if (contest) contest.uses++;
      else if (!cache.get(key)) open.set(key, { key, choice, uses: 1, flops: flopsOf(target, choice) });
      return undefined;
    },
  });
  return [...open.values()].sort((a, b) => b.uses * b.flops - a.uses * a.flops)
    .filter(({ choice }) => eligible(choice).length > 1);
}

/** Picks by the decisions in the cache. */
function chooserFrom(gpu: Gpu, cache: TuningCache): KernelChooser {
  return (choice) => cache.get(keyOf(gpu, choice))?.variant;
}

interface Contest {
  key: string;
  choice: KernelChoice;
  /** How often the trace has this choice, and the floating-point operations of its default variant. */
  uses: number;
  flops: number;
}

/** The names of the variants that may win, the default first. */
function eligible({ variants }: KernelChoice): string[] {
  return Object.keys(variants).filter((name) => !variants[name].skipTuning);
}

/** The dispatches of `variant` on tensors that are not placed: they identify the work. */
function traceOf(target: ChoosingProfile, choice: KernelChoice, variant: string): Dispatch[] {
  const tensors = standInsFor(choice, (name, { shape, type }) => ({ name, shape, type, region: null }));
  return dispatchesOf(target, choice, { variant, tensors });
}

function flopsOf(target: ChoosingProfile, choice: KernelChoice): number {
  const [first] = Object.keys(choice.variants);
  return traceOf(target, choice, first).reduce((sum, { flops }) => sum + flops, 0);
}

/** The key of a choice: a hash of the adapter and of every variant that may win. */
function keyOf(gpu: Gpu, choice: KernelChoice): string {
  const hash = createHash("sha256").update(gpu.identity);
  for (const variant of eligible(choice)) {
    for (const { kernel, constants, params, grid } of traceOf(deviceProfileOf(gpu), choice, variant)) {
      hash.update(JSON.stringify([variant, kernel.name, codeOf(kernel), constants, params, grid]));
    }
  }
  // Kernels that read textures are the same for float16.
  for (const [name, tensor] of Object.entries(choice.tensors)) {
    if (typeOf(tensor) === "f16") hash.update(name);
  }
  return hash.digest("hex").slice(0, 32);
}

/** The default, without timing. */
function untimed({ software }: Gpu, { name, variants }: KernelChoice): Decision {
  // On a CPU the variants are close, and each run would start with seconds of timing.
  return {
    choice: name,
    variant: Object.keys(variants)[0],
    milliseconds: {},
    ...!software && { provisional: true },
  };
}

/** Drops the variants that must not be used, and times the others: if `late`, for one round only. */
async function decide(
  gpu: Gpu,
  choice: KernelChoice,
  { noise, timer, late }: { noise: Noise; timer: Timer; late: () => boolean },
): Promise<Decision> {
  const variants = eligible(choice), { name } = choice;
  using trial = new Trial(gpu, { choice, variants, noise });
  /** Names what was running when the device was lost: it has no error scopes any more. */
  const named = async <T>(variant: string, result: Promise<T>): Promise<T> => {
    try {
      return await result;
    } catch (error) {
      if (!(error instanceof MachineError)) throw error;
      throw new MachineError(
        `Cannot time "${variant}" for ${name}: ${error.message}`,
        { problem: "kernels" },
      );
    }
  };
  const faults = await judge(variants, {
    attempt: (variant) => named(variant, trial.attempt(variant)),
    keep: () => trial.keep(),
    tolerance: toleranceOf(choice.result.terms, typeOf(choice.tensors[choice.result.name])),
  });
  const right = variants.filter((variant) => !faults.has(variant));
  const { fastest, milliseconds } = right.length > 1
    ? await race(right, {
      sample: (variant, times) => named(variant, timer.sample(trial.program(variant), times)),
      enough: timer.enough,
      late,
    })
    : { fastest: right[0] ?? variants[0], milliseconds: {} };
  return {
    choice: name,
    variant: fastest,
    milliseconds,
    ...faults.size > 0 && { excluded: Object.fromEntries(faults) },
  };
}
