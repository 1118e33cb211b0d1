/**
 * A rank of a long run, for long.ts: `long_job.ts STEPS OUT`. Rank 0 prints the memory of all ranks at some steps, and how long
 * their event loops were held. Linux only.
 *
 * A timer ticks while the run goes on; the time between two ticks is a hold. It consists of calls of WebGPU, which block until
 * the GPU is done (those of a step are its dispatch); of time in which the thread was ready, but the machine had no core for
 * it; and of the program's own work.
 */
import { openWorld, pretrain } from "../../mod.ts";
import { Trainer } from "../../src/byol/trainer.ts";

/** A hold, in milliseconds. */
export interface Hold {
  ms: number;
  gpu: number;
  /** Without a core, outside of calls of WebGPU. */
  waiting: number;
  own: number;
  step: number;
}

/** What a rank found. */
export interface Found {
  /** Bytes, by steps. */
  memory: Record<number, number>;
  longest: Hold;
  /** The hold with the most work of the program's own. */
  ownWork: Hold;
  /** The most milliseconds that the calls of one step took. */
  dispatch: number;
}

/** Steps at which memory is measured. The first steps compile, and allocate what is used ever after. */
const MARKS = [250, 500, 1000, 1500, 2000], WARM_UP = 20, TICK_MS = 2;
const [steps, out] = [Number(Deno.args[0]), Deno.args[1]], world = await openWorld();
const none: Hold = { ms: 0, gpu: 0, waiting: 0, own: 0, step: 0 };
const found: Found = { memory: {}, longest: none, ownWork: none, dispatch: 0 };

/** Milliseconds that this thread has waited for a core. */
const waited = () =>
  Number(Deno.readTextFileSync(`/proc/self/task/${Deno.pid}/schedstat`).split(" ")[1]) / 1e6;

/** Milliseconds in calls of WebGPU since the last tick, of them those without a core; and since the step began. */
const calls = { ms: 0, waited: 0, ofStep: 0 };
function timeCalls<T extends object>({ prototype }: { prototype: T }, names: (keyof T)[]): void {
  for (const name of names) {
    const original = prototype[name] as (...args: unknown[]) => unknown;
    prototype[name] = function (this: T, ...args: unknown[]) {
      const before = waited(), begin = performance.now();
      try {
        return original.apply(this, args);
      } finally {
        const ms = performance.now() - begin;
        calls.ms += ms;
        calls.ofStep += ms;
        calls.waited += waited() - before;
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

let last = performance.now(), waitedBefore = waited();
const timer = setInterval(() => {
  const now = performance.now(), nowWaited = waited(), ms = now - last;
  const waiting = nowWaited - waitedBefore - calls.waited;
  const hold = { ms, gpu: calls.ms, waiting, own: ms - calls.ms - waiting, step };
  if (step > WARM_UP && step < steps) {
    if (hold.ms > found.longest.ms) found.longest = hold;
    if (hold.own > found.ownWork.own) found.ownWork = hold;
  }
  [last, waitedBefore, calls.ms, calls.waited] = [now, nowWaited, 0, 0];
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
