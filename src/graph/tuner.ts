/**
 * The tuner: of the ways to do the same work it takes the one that is fastest on this adapter, by timing them.
 *
 * First they are held against each other: one that the driver refuses, or that computes wrong, is dropped and named, and
 * the run goes on without it.
 *
 * A decision depends on the adapter and on the dispatches that the ways come down to: the text of their kernels, their
 * constants, sizes and grids. A hash of all that is the key under which a cache remembers it. Nothing is timed that the
 * cache knows, so that with a warm cache equal runs use equal kernels and agree to the bit.
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
import { dispatchesOf, standInsFor, Trial } from "./trial.ts";

/** What was found for one choice. */
export interface Decision {
  /** What the choice is about, in words. */
  choice: string;
  /** The way to take. */
  way: string;
  /** Milliseconds of each way that was timed; none if there was no time left to, or nothing to choose from. */
  milliseconds: Record<string, number>;
  /** The ways that are not to be used, and why, if there are any. */
  excluded?: Record<string, string>;
  /** Set if there was no time to measure, but a later run may have it. */
  provisional?: true;
}

/** Decisions by key, kept for another day by whoever makes it. */
export interface TuningCache {
  get(key: string): Decision | undefined;
  set(key: string, decision: Decision): void;
}

/** After how many seconds no more shapes are taken up. A CPU cannot outrun what it would win; a GPU trains for hours. */
const BUDGET = { software: 3, hardware: 30 };

/**
 * Decides every choice of a trace that the cache does not know, the largest first, as long as the time lasts; what
 * remains gets its default.
 *
 * @param trace Traces what will be run, for the target that it is given.
 * @param options `cache` is asked first and told what was found. `seconds`: the time for it all. `report` hears what
 * is going on. `timer` takes the samples; by default that of the GPU.
 * @returns what a {@linkcode ChoosingProfile} picks by.
 * @throws {MachineError} if the GPU is lost.
 */
export async function tune(
  gpu: Gpu,
  trace: (target: ChoosingProfile) => { dispatches: readonly Dispatch[] },
  { cache, seconds = gpu.software ? BUDGET.software : BUDGET.hardware, report = () => {}, timer }: {
    cache: TuningCache;
    seconds?: number;
    report?: (line: string) => void;
    timer?: Timer;
  },
): Promise<KernelChooser> {
  const end = performance.now() + 1000 * seconds;
  const worth = openContests(gpu, { trace, cache });
  if (worth.length > 0) {
    report(`Timing kernels for ${worth.length} shapes on ${gpu.name}, once for all runs to come`);
    using noise = new Noise(gpu);
    const trials = { noise, timer: timer ?? await createTimer(gpu), late: () => performance.now() > end };
    const dropped = new Map<string, { choice: string; reason: string; more: number }>();
    for (const { key, choice } of worth) {
      const decision = trials.late() ? untimed(gpu, choice) : await decide(gpu, choice, trials);
      cache.set(key, decision);
      for (const [way, reason] of Object.entries(decision.excluded ?? {})) {
        const known = dropped.get(way);
        if (known) known.more++;
        else dropped.set(way, { choice: choice.name, reason, more: 0 });
      }
    }
    for (const [way, { choice, reason, more }] of dropped) {
      report(`Dropped ${way} for ${choice}${more > 0 ? ` and ${more} more shapes` : ""}: ${reason}`);
    }
  }
  return pickFrom(gpu, cache);
}

/** What a trace chooses between that the cache does not know, what takes longest first. */
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

/** Picks what the cache knows. */
function pickFrom(gpu: Gpu, cache: TuningCache): KernelChooser {
  return (choice) => cache.get(keyOf(gpu, choice))?.way;
}

interface Contest {
  key: string;
  choice: KernelChoice;
  /** How often the trace makes this choice, and the floating-point operations of its default way. */
  uses: number;
  flops: number;
}

/** The names of the ways that may win, the default first. */
function eligible({ variants }: KernelChoice): string[] {
  return Object.keys(variants).filter((name) => !variants[name].skipTuning);
}

/** The dispatches of `way` on tensors without a place: enough to tell what work it is. */
function traceOf(target: ChoosingProfile, choice: KernelChoice, way: string): Dispatch[] {
  const tensors = standInsFor(choice, (name, shape) => ({ name, shape, region: null }));
  return dispatchesOf(target, choice, { way, tensors });
}

function flopsOf(target: ChoosingProfile, choice: KernelChoice): number {
  const [usual] = Object.keys(choice.variants);
  return traceOf(target, choice, usual).reduce((sum, { flops }) => sum + flops, 0);
}

/** The key of a choice: of the adapter, and of every way that may win. */
function keyOf(gpu: Gpu, choice: KernelChoice): string {
  const hash = createHash("sha256").update(gpu.identity);
  for (const way of eligible(choice)) {
    for (const { kernel, constants, params, grid } of traceOf(deviceProfileOf(gpu), choice, way)) {
      hash.update(JSON.stringify([way, kernel.name, codeOf(kernel), constants, params, grid]));
    }
  }
  return hash.digest("hex").slice(0, 32);
}

/** The default, for want of time. */
function untimed({ software }: Gpu, { name, variants }: KernelChoice): Decision {
  // On a CPU the ways are close, and each run would begin with seconds of timing.
  return {
    choice: name,
    way: Object.keys(variants)[0],
    milliseconds: {},
    ...!software && { provisional: true },
  };
}

/** Drops the ways that are not to be used, and times the others: if `late`, no more than one round. */
async function decide(
  gpu: Gpu,
  choice: KernelChoice,
  { noise, timer, late }: { noise: Noise; timer: Timer; late: () => boolean },
): Promise<Decision> {
  const variants = eligible(choice), { name } = choice;
  using trial = new Trial(gpu, { choice, variants, noise });
  /** A device that is lost has no error scopes any more: what was running is named. */
  const named = async <T>(way: string, result: Promise<T>): Promise<T> => {
    try {
      return await result;
    } catch (error) {
      if (!(error instanceof MachineError)) throw error;
      throw new MachineError(
        `Cannot time ${way} for ${name}: ${error.message}. Use --kernels usual, or --kernels blocked.`,
      );
    }
  };
  const faults = await judge(variants, {
    attempt: (way) => named(way, trial.attempt(way)),
    keep: () => trial.keep(),
    tolerance: toleranceOf(choice.result.terms),
  });
  const right = variants.filter((way) => !faults.has(way));
  const { fastest, milliseconds } = right.length > 1
    ? await race(right, {
      sample: (way, times) => named(way, timer.sample(trial.program(way), times)),
      enough: timer.enough,
      late,
    })
    : { fastest: right[0] ?? variants[0], milliseconds: {} };
  return {
    choice: name,
    way: fastest,
    milliseconds,
    ...faults.size > 0 && { excluded: Object.fromEntries(faults) },
  };
}
