/**
 * The tuner: of the ways to do the same work it takes the one that is fastest on this adapter, by timing them.
 *
 * A decision depends on the adapter and on the dispatches that the ways come down to: the text of their kernels, their
 * constants, sizes and grids. A hash of all that is the key under which a cache remembers it. Nothing is timed that the
 * cache knows, so that with a warm cache equal runs use equal kernels and agree to the bit.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { MachineError, messageOf } from "../errors.ts";
import type { Gpu } from "../gpu/device.ts";
import { Memory, type Store } from "../gpu/memory.ts";
import { keyedRandom } from "../random.ts";
import { Program } from "./program.ts";
import { type Choice, type Pick, type Target, targetOf } from "./target.ts";
import { type Dispatch, Tape } from "./tape.ts";
import type { Tensor } from "./tensor.ts";

/** What was found for one choice. */
export interface Decision {
  /** What the choice is about, in words. */
  choice: string;
  /** The way to take. */
  way: string;
  /** Milliseconds of each way that was timed; none if there was no time left to. */
  milliseconds: Record<string, number>;
  /** Set if there was no time to measure, but a later run may have it. */
  provisional?: true;
}

/** Decisions by key, kept for another day by whoever makes it. */
export interface TuningCache {
  get(key: string): Decision | undefined;
  set(key: string, decision: Decision): void;
}

/** How long the GPU works for a sample, in ms; several samples are taken of ways that are close. */
const SAMPLE_MS = 100, SAMPLES = 3;
/** A way that takes so many times as long as the best is out, after a run of so many ms: waiting alone takes 11. */
const OUT_OF_QUESTION = 1.25, TELLING_MS = 50;
/** After how many seconds no more shapes are taken up. A CPU cannot outrun what it would win; a GPU trains for hours. */
const BUDGET = { software: 3, hardware: 30 };

/**
 * Decides every choice of a trace that the cache does not know, the largest first, as long as the time lasts; what
 * remains gets its default.
 *
 * @param trace Traces what will be run, for the target that it is given.
 * @param options `cache` is asked first and told what was found. `seconds`: the time for it all. `report` hears what
 * is going on.
 * @returns what a {@linkcode Target} picks by.
 */
export async function tune(
  gpu: Gpu,
  trace: (target: Target) => { dispatches: readonly Dispatch[] },
  { cache, seconds = gpu.software ? BUDGET.software : BUDGET.hardware, report = () => {} }: {
    cache: TuningCache;
    seconds?: number;
    report?: (line: string) => void;
  },
): Promise<Pick> {
  const target = targetOf(gpu);
  const open = new Map<string, Contest>();
  trace({
    ...target,
    pick(choice) {
      const key = keyOf(gpu, choice);
      const contest = open.get(key);
      if (contest) contest.uses++;
      else if (!cache.get(key)) open.set(key, { key, choice, uses: 1, flops: flopsOf(target, choice) });
      return undefined;
    },
  });

  const end = performance.now() + 1000 * seconds;
  const contests = [...open.values()].sort((a, b) => b.uses * b.flops - a.uses * a.flops);
  const worth = contests.filter(({ choice }) => eligible(choice).length > 1);
  if (worth.length > 0) {
    report(`Timing kernels for ${worth.length} shapes on ${gpu.name}, once for all runs to come`);
  }
  for (const { key, choice } of worth) {
    const milliseconds = performance.now() < end ? await race(gpu, choice, end) : {};
    const [way] = Object.keys(milliseconds).sort((a, b) => milliseconds[a] - milliseconds[b]);
    cache.set(key, {
      choice: choice.name,
      way: way ?? Object.keys(choice.ways)[0],
      milliseconds,
      // On a CPU the ways are close, and each run would begin with seconds of timing.
      ...!way && !gpu.software && { provisional: true },
    });
  }
  return pickFrom(gpu, cache);
}

/** Picks what the cache knows. */
function pickFrom(gpu: Gpu, cache: TuningCache): Pick {
  return (choice) => cache.get(keyOf(gpu, choice))?.way;
}

interface Contest {
  key: string;
  choice: Choice;
  /** How often the trace makes this choice, and the floating-point operations of its default way. */
  uses: number;
  flops: number;
}

/** The names of the ways that may win. */
function eligible({ ways }: Choice): string[] {
  return Object.keys(ways).filter((name) => !ways[name].hopeless);
}

/** What `way` comes down to: its dispatches on tensors that stand in for those of the choice. */
function dispatchesOf(target: Target, { ways, tensors }: Choice, way: string): Dispatch[] {
  const standIns = Object.fromEntries(
    Object.entries(tensors).map((
      [name, { shape }],
    ): [string, Tensor] => [name, { name, shape, region: null }]),
  );
  const tape = new Tape(target, {
    training: true,
    views: 1,
    add() {
      throw new TypeError("A way has no gradients to add");
    },
  });
  ways[way].record(tape, standIns);
  return tape.dispatches;
}

function flopsOf(target: Target, choice: Choice): number {
  const [usual] = Object.keys(choice.ways);
  return dispatchesOf(target, choice, usual).reduce((sum, { flops }) => sum + flops, 0);
}

/** The key of a choice: of the adapter, and of every way that may win. */
function keyOf(gpu: Gpu, choice: Choice): string {
  const hash = createHash("sha256").update(gpu.identity);
  for (const way of eligible(choice)) {
    for (const { kernel, constants, params, grid } of dispatchesOf(targetOf(gpu), choice, way)) {
      hash.update(JSON.stringify([way, kernel.name, kernel.code, constants, params, grid]));
    }
  }
  return hash.digest("hex").slice(0, 32);
}

/** The time of each way in ms; after the moment `end`, no more than a run of each. */
async function race(gpu: Gpu, choice: Choice, end: number): Promise<Record<string, number>> {
  const times: Record<string, number> = {};
  for (const way of eligible(choice)) {
    using memory = new Memory(gpu);
    using program = new Program(memory, { dispatches: dispatchesOf(targetOf(gpu), choice, way) });
    for (const store of program.plan.stores) fill(memory, store);
    const run = async (count: number) => {
      const begin = performance.now();
      for (let i = 0; i < count; i++) program.run();
      await gpu.device.queue.onSubmittedWorkDone();
      try {
        gpu.check();
      } catch (error) {
        throw new MachineError(
          `Cannot time ${way} for ${choice.name}: ${
            messageOf(error)
          }. Use --kernels usual, or --kernels blocked.`,
        );
      }
      return (performance.now() - begin) / count;
    };
    const limit = OUT_OF_QUESTION * Math.min(...Object.values(times));
    await run(1); // compiles
    let count = 1, time = await run(count);
    const late = () => performance.now() > end;
    while (!late() && time * count < SAMPLE_MS && !(time * count > TELLING_MS && time > limit)) {
      count = Math.min(4 * count, Math.ceil(1.2 * SAMPLE_MS / time));
      time = await run(count);
    }
    const samples = [time];
    while (!late() && samples.length < SAMPLES && time < limit) samples.push(time = await run(count));
    times[way] = samples.sort((a, b) => a - b)[samples.length >> 1];
  }
  return times;
}

/** Fills a store with numbers of the size of activations: a GPU draws more power on them than on zeros. */
function fill(memory: Memory, store: Store): void {
  for (let offset = 0; offset < store.bytes; offset += NOISE.byteLength) {
    memory.write(store, NOISE.subarray(0, Math.min(NOISE.length, (store.bytes - offset) / 4)), offset);
  }
}

const NOISE = new Float32Array(2 ** 18).map(keyedRandom(0).normal);
