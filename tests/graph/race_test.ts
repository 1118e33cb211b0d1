import { assert, assertEquals } from "../assert.ts";
import { race } from "../../src/graph/race.ts";
import type { Sample } from "../../src/graph/timer.ts";

const ENOUGH = 0.01;
/** Ticks of this length are what some drivers count in. */
const TICK = 83e-9;

/** A race by a clock of our own: `microseconds` are those of a run, `slow(i)` how many times as long sample i takes. */
async function raced(
  microseconds: Record<string, number>,
  { slow = () => 1, ticks = true, late = () => false, enough = ENOUGH }: {
    slow?: (sample: number) => number;
    ticks?: boolean;
    late?: (samples: number) => boolean;
    enough?: number;
  } = {},
) {
  const taken: [string, number][] = [];
  const result = await race(Object.keys(microseconds), {
    sample(name, times): Promise<Sample> {
      const seconds = microseconds[name] * 1e-6 * times * slow(taken.length);
      taken.push([name, times]);
      return Promise.resolve({ wall: seconds, ticks: ticks ? seconds / TICK : 0 });
    },
    enough,
    late: () => late(taken.length),
  });
  return { ...result, taken };
}

Deno.test("race() samples in turns, with enough runs per sample, for three rounds", async () => {
  const { fastest, milliseconds, taken } = await raced({ a: 11_000, b: 10_000, c: 12_000 });
  assertEquals(taken.map(([name, times]) => `${name}${times}`).join(" "), "a1 b1 c1 a1 b1 c1 a1 b1 c1");
  assertEquals(fastest, "b");
  assertEquals(Object.values(milliseconds).map((ms) => Math.round(1000 * ms)), [11_000, 10_000, 12_000]);
  const short = await raced({ a: 50, b: 40 });
  const last = short.taken.slice(-6);
  assertEquals(last.map(([name]) => name).join(""), "ababab");
  for (const [name, times] of last) {
    const seconds = times * (name === "a" ? 50e-6 : 40e-6);
    assert(seconds >= ENOUGH && seconds < 2 * ENOUGH, `${times} runs of ${name}`);
  }
});

Deno.test("race() distinguishes 40 µs from 50 by either clock on a drifting machine", async () => {
  for (const ticks of [true, false]) {
    for (const [a, b] of [[50, 40], [40, 50]]) {
      // From round to round everything takes half as long again.
      const { fastest, milliseconds } = await raced({ a, b }, {
        ticks,
        slow: (sample) => 1.5 ** Math.floor(sample / 2),
      });
      assertEquals(fastest, a < b ? "a" : "b");
      const ratio = milliseconds.a / milliseconds.b;
      assert(Math.abs(ratio - a / b) < 1e-6, `${ratio}`);
    }
  }
});

Deno.test("race() eliminates a variant a quarter slower than the best after two rounds, not after one", async () => {
  const microseconds = { slow: 13_000, fast: 10_000, near: 12_000 };
  const { taken, fastest } = await raced(microseconds, { slow: (sample) => sample < 6 ? 1 : 2 });
  assertEquals(taken.map(([name]) => name).join(" "), "slow fast near slow fast near fast near");
  assertEquals(fastest, "fast");
  // In the first round the machine is busy with something else while the best has its turn.
  const busy = await raced(microseconds, { slow: (sample) => sample === 1 ? 9 : 1 });
  assertEquals([busy.fastest, busy.taken.length], ["fast", 8]);
});

Deno.test("race() decides by medians, not by single samples", async () => {
  // Sample 3 is b's in the second round: hardly a tenth of what it should be.
  const { fastest } = await raced({ a: 10_000, b: 11_000 }, { slow: (sample) => sample === 3 ? .1 : 1 });
  assertEquals(fastest, "a");
});

Deno.test("race() stops after one round when late, and limits the runs of a sample", async () => {
  const { taken, fastest } = await raced({ a: 50, b: 40 }, { late: () => true });
  assertEquals([taken, fastest], [[["a", 1], ["b", 1]], "b"]);
  const tiny = await raced({ a: .02, b: .01 });
  assertEquals([tiny.fastest, Math.max(...tiny.taken.map(([, times]) => times))], ["b", 4096]);
});
