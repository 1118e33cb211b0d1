import { assertEquals } from "../assert.ts";
import { judge, type Outcome, toleranceOf } from "../../src/graph/judge.ts";

const TOLERANCE = 1e-4;

/**
 * What is found of ways whose results are single numbers; text is why one is refused. Also how many runs it took. `truth`
 * is what the host computes, if it does.
 */
async function faultsOf(results: Record<string, number | string>, truth?: number) {
  let kept = NaN, last = NaN, runs = 0;
  const faults = await judge(Object.keys(results), {
    attempt(way): Promise<Outcome> {
      runs++;
      const result = results[way];
      if (typeof result === "string") return Promise.resolve({ refused: result });
      last = result;
      return Promise.resolve({
        finite: Number.isFinite(result),
        missed: truth === undefined ? 0 : Math.abs(result - truth) / result,
        error: Math.abs(result - kept) / Math.abs(kept),
      });
    },
    keep: () => kept = last,
    tolerance: TOLERANCE,
  });
  const named = [...faults].sort().map(([way, why]) => [way, why.split(",")[0]]);
  return { faults: Object.fromEntries(named), runs };
}

const wrong = "it computes wrong", notFinite = "it computes values that are not finite";

Deno.test("judge: who agrees with the default is right, each way run once", async () => {
  assertEquals(await faultsOf({ a: 1, b: 1, c: 1 + TOLERANCE / 2 }), { faults: {}, runs: 3 });
  assertEquals(await faultsOf({ a: 1, b: 2, c: 1, d: 1 + 2 * TOLERANCE }), {
    faults: { b: wrong, d: wrong },
    runs: 4,
  });
});

Deno.test("judge: who misses what the host has computed is wrong, be it most of all, or all", async () => {
  assertEquals(await faultsOf({ a: 2, b: 2, c: 1, d: 2 }, 1), {
    faults: { a: wrong, b: wrong, d: wrong },
    runs: 4,
  });
  assertEquals((await faultsOf({ a: 2, b: 2 }, 1)).faults, { a: wrong, b: wrong });
});

Deno.test("judge: of two that differ the default counts, of three the two that agree, if all differ the default", async () => {
  assertEquals((await faultsOf({ a: 2, b: 1 })).faults, { b: wrong });
  assertEquals((await faultsOf({ a: 2, b: 1, c: 1 })).faults, { a: wrong });
  assertEquals((await faultsOf({ a: 2, b: 2, c: 1, d: 1 })).faults, { c: wrong, d: wrong });
  assertEquals((await faultsOf({ a: 2, b: 3, c: 1, d: 1, e: 1 })).faults, { a: wrong, b: wrong });
  assertEquals((await faultsOf({ a: 1, b: 2, c: 3 })).faults, { b: wrong, c: wrong });
});

Deno.test("judge: who is refused or not finite has no say, the default neither", async () => {
  assertEquals((await faultsOf({ a: "no such type", b: 1, c: NaN, d: 1 })).faults, {
    a: "the driver refuses it: no such type",
    c: notFinite,
  });
  assertEquals((await faultsOf({ a: Infinity, b: 1, c: 2 })).faults, { a: notFinite, c: wrong });
  assertEquals((await faultsOf({ a: NaN, b: NaN })).faults, { a: notFinite, b: notFinite });
  // A NaN is not taken for one of those that outvote the default.
  assertEquals((await faultsOf({ a: 1, b: NaN, c: NaN, d: NaN, e: 2 })).faults, {
    b: notFinite,
    c: notFinite,
    d: notFinite,
    e: wrong,
  });
});

Deno.test("toleranceOf: sums of random terms in another order pass, one without a term does not", () => {
  // xorshift32: equal on every machine.
  let state = 1;
  const random = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state / 2 ** 31;
  };
  for (const terms of [9, 1152, 4608]) {
    const rows = Array.from({ length: 200 }, () => Float32Array.from({ length: terms }, random));
    const sum = (values: Float32Array) => values.reduce((total, value) => Math.fround(total + value), 0);
    const sums = rows.map(sum), largest = Math.max(...sums.map(Math.abs));
    const apart = (others: number[]) =>
      Math.max(...others.map((other, i) => Math.abs(other - sums[i]))) / largest;
    const reversed = apart(rows.map((row) => sum(row.toReversed())));
    const skipped = apart(rows.map((row) => sum(row.subarray(1))));
    const tolerance = toleranceOf(terms);
    assertEquals(
      [reversed <= tolerance / 2, skipped > 4 * tolerance],
      [true, true],
      `${terms}: ${reversed} ${skipped}`,
    );
  }
});
