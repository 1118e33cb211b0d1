/** What a rank does in the tests of MpiWorld; the first argument names it. */
import { openWorld } from "../../src/distributed/open_world.ts";
import { OrderedSum } from "../../src/distributed/ordered_sum.ts";
import { EndedError } from "../../src/distributed/world.ts";
import { keyedRandom } from "../../src/base/random.ts";

const [task] = Deno.args, world = await openWorld(), { rank, size } = world;
const print = (value: unknown) => rank === 0 && console.log(JSON.stringify(value));

/** Numbers of rank `r`, of many magnitudes, so that the order of additions shows. */
export function numbers(r: number, n: number): Float32Array<ArrayBuffer> {
  const random = keyedRandom(7, r);
  return Float32Array.from(
    { length: n },
    () => (random.uniform() - 0.5) * 10 ** Math.floor(8 * random.uniform()),
  );
}

const tasks: Record<string, () => Promise<unknown>> = {
  async all() {
    const length = 1003, sum = new OrderedSum(world, length), total = new Float32Array(sum.padded);
    // Two rounds: the terms of ranks 0 … R − 1, then R … 2R − 1.
    for (const round of [0, 1]) {
      await world.meet(`round ${round}`);
      const term = new Float32Array(sum.padded);
      term.set(numbers(round * size + rank, length));
      await sum.add(term);
    }
    await sum.take(total);
    const digest = [...new Uint8Array(await crypto.subtle.digest("SHA-256", total))].join();
    const digests = new Set(await world.texts("digests", digest));
    const bytes = new Uint8Array(5).fill(rank);
    if (rank === 0) bytes.set([1, 2, 3, 4, 5]);
    await world.broadcast("bytes", bytes);
    const texts = await world.texts("texts", `rank ${rank}: ${"é".repeat(rank)} ${bytes}`);
    const first = await world.first("work", () => Promise.resolve({ is: "done", on: rank }));
    const agreement = await world.meet("the end", {
      stop: rank === size - 1 ? 130 : 0,
      worked: rank === 1 ? 50 : 1,
    });
    return { total: [...total.subarray(0, length)], alike: digests.size, texts, first, agreement };
  },
  /** Rank 1 comes a second late: the others' event loops and Workers go on. */
  async wait() {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 10);
    const code = `let n = 0; setInterval(() => self.postMessage(++n), 10);`;
    const worker = new Worker(URL.createObjectURL(new Blob([code])), { type: "module" });
    let messages = 0;
    worker.onmessage = () => messages++;
    if (rank === 1) await new Promise((resolve) => setTimeout(resolve, 1000));
    await world.meet("late");
    clearInterval(timer);
    worker.terminate();
    return { ticks, messages };
  },
  /** Rank 1 never comes. */
  async hang() {
    if (rank === 1) await new Promise((resolve) => setTimeout(resolve, 60_000));
    await world.meet("step 3");
  },
  /** Rank 0 never comes. */
  async hangFirst() {
    if (rank === 0) await new Promise((resolve) => setTimeout(resolve, 60_000));
    await world.meet("step 3");
  },
  /** Sums for at least a minute. */
  async long() {
    const sum = new OrderedSum(world, 1e6), total = new Float32Array(sum.padded);
    for (let step = 0; step < 6000; step++) {
      await world.meet(`step ${step}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
      await sum.add(total);
      await sum.take(total);
    }
  },
  async leave() {
    await world.meet("a");
    if (rank === size - 1) return await world.leave({ message: "its disk is full", code: 2 });
    const error = await world.first("longer", () => new Promise((resolve) => setTimeout(resolve, 500)))
      .then(() => world.meet("b")).catch((error) => error);
    return error instanceof EndedError ? { rank: error.rank, failure: error.failure } : { error: `${error}` };
  },
  /** Rank 0 leaves where the others wait for its work. */
  async leaveFirst() {
    await world.meet("a");
    if (rank === 0) return await world.leave({ message: "its disk is full", code: 2 });
    const error = await world.first("work", () => Promise.resolve(1)).catch((error) => error);
    if (!(error instanceof EndedError) || error.rank !== 0) throw new Error(`heard ${error}`);
  },
  async stray() {
    const error = await world.meet(`step ${rank === 1 ? 4 : 3}`).catch((error) => error);
    return error instanceof EndedError ? error.failure : { error: `${error}` };
  },
};

try {
  print(await tasks[task]());
  await world.end();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  world.abort(2);
}
