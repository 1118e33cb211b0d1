/**
 * A rank of a long run, for long.ts: `long_job.ts STEPS OUT`. Rank 0 prints the memory of all ranks at some steps, and how long
 * their event loops were held. Linux only.
 *
 * A timer ticks while the run goes on; the time between two ticks is a hold. It consists of calls of WebGPU, which block until
 * the GPU is done (those of a step are its dispatch); of time in which the thread was ready, but the machine had no core for
 * it; of the program's own work; and of waiting for other threads, such as those that collect garbage.
 */
import { openWorld, pretrain } from "../../mod.ts";
import { Trainer } from "../../src/byol/trainer.ts";

/** A hold, in milliseconds. */
export interface Hold {
  ms: number;
  gpu: number;
  /** Outside of calls of WebGPU: without a core, at work, and waiting for other threads. */
  waiting: number;
  own: number;
  threads: number;
  step: number;
}

/** What a rank found. */
export interface Found {
  /** Bytes, by steps. */
  memory: Record<number, number>;
  longest: Hold;
  /** The hold with the most time that neither the GPU nor a lack of cores explains. */
  unexplained: Hold;
  /** The most milliseconds that the calls of one step took. */
  dispatch: number;
}

/** Steps at which memory is measured. The first steps compile, and allocate what is used ever after. */
const MARKS = [250, 500, 1000, 1500, 2000], WARM_UP = 20, TICK_MS = 2;
const [steps, out] = [Number(Deno.args[0]), Deno.args[1]], world = await openWorld();
const none: Hold = { ms: 0, gpu: 0, waiting: 0, own: 0, threads: 0, step: 0 };
const found: Found = { memory: {}, longest: none, unexplained: none, dispatch: 0 };

/** Milliseconds so far: on the clock, and of this thread on a core and waiting for one. */
function times() {
  const text = Deno.readTextFileSync(`/proc/self/task/${Deno.pid}/schedstat`);
  const [worked, waited] = text.split(" ").map((ns) => Number(ns) / 1e6);
  return { now: performance.now(), worked, waited };
}

/** Milliseconds in calls of WebGPU since the last tick, of them those at work and without a core; and since the step began. */
const calls = { ms: 0, worked: 0, waited: 0, ofStep: 0 };
function timeCalls<T extends object>({ prototype }: { prototype: T }, names: (keyof T)[]): void {
  for (const name of names) {
    const original = prototype[name] as (...args: unknown[]) => unknown;
    prototype[name] = function (this: T, ...args: unknown[]) {
      const before = times();
      try {
        return original.apply(this, args);
      } finally {
        const { now, worked, waited } = times(), ms = now - before.now;
        calls.ms += ms;
        calls.ofStep += ms;
        calls.worked += worked - before.worked;
        calls.waited += waited - before.waited;
      }
    } as T[keyof T];
  }
}
timeCalls(GPUQueue, ["submit", "writeBuffer", "onSubmittedWorkDone"]);
timeCalls(GPUBuffer, ["mapAsync", "getMappedRange"]);

let step = 0;
const { join } = Trainer.prototype;
Trainer.prototype.join = async function (...args) {
  const agreement = await join.apply(this, args);
  if (MARKS.includes(++step)) found.memory[step] = Deno.memoryUsage().rss;
  if (step > WARM_UP) found.dispatch = Math.max(found.dispatch, calls.ofStep);
  calls.ofStep = 0;
  return agreement;
};

let last = times();
const timer = setInterval(() => {
  const next = times(), ms = next.now - last.now, gpu = calls.ms;
  const own = next.worked - last.worked - calls.worked, waiting = next.waited - last.waited - calls.waited;
  const hold: Hold = { ms, gpu, waiting, own, threads: ms - gpu - own - waiting, step };
  if (step > WARM_UP && step < steps) {
    if (ms > found.longest.ms) found.longest = hold;
    const { unexplained } = found;
    if (own + hold.threads > unexplained.own + unexplained.threads) found.unexplained = hold;
  }
  last = next;
  Object.assign(calls, { ms: 0, worked: 0, waited: 0 });
}, TICK_MS);
await pretrain({
  ...{ data: "shapes:64", holdout: 0, size: 8, decodeSize: 16, batch: 4, workers: 1, kernels: "default" },
  ...{ hidden: 32, projection: 16, steps, checkpointEvery: 500, logEvery: 50, out, log() {} },
}, { world });
clearInterval(timer);
const all = await world.texts("what was found", JSON.stringify(found));
if (world.rank === 0) console.log(`[${all}]`);
await world.end();
Deno.exit(0);
