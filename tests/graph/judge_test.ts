import { assertEquals } from "../assert.ts";
import { type Attempt, judge, toleranceOf } from "../../src/graph/judge.ts";

const TOLERANCE = 1e-4;

/**
 * The faults of variants whose results are single numbers, or the text of a rejection; and the number of runs. `truth`: the
 * number that the host computes, if any.
 */
async function faultsOf(results: Record<string, number | string>, truth?: number) {
  let kept = NaN, last = NaN, runs = 0;
  const faults = await judge(Object.keys(results), {
    attempt(variant): Promise<Attempt> {
      runs++;
      const result = results[variant];
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
  const named = [...faults].sort().map(([variant, why]) => [variant, why.split(": its error")[0]]);
  return { faults: Object.fromEntries(named), runs };
}

const wrong = "it computes wrong", notFinite = "it computes values that are not finite";

Deno.test("judge() accepts variants that agree with the default, running each once", async () => {
  assertEquals(await faultsOf({ a: 1, b: 1, c: 1 + TOLERANCE / 2 }), { faults: {}, runs: 3 });
  assertEquals(await faultsOf({ a: 1, b: 2, c: 1, d: 1 + 2 * TOLERANCE }), {
    faults: { b: wrong, d: wrong },
    runs: 4,
  });
});

Deno.test("judge() rejects variants that miss the host's elements, even most or all of them", async () => {
  assertEquals(await faultsOf({ a: 2, b: 2, c: 1, d: 2 }, 1), {
    faults: { a: wrong, b: wrong, d: wrong },
    runs: 4,
  });
  assertEquals((await faultsOf({ a: 2, b: 2 }, 1)).faults, { a: wrong, b: wrong });
});

Deno.test("judge() trusts the majority, and the default without a majority", async () => {
  assertEquals((await faultsOf({ a: 2, b: 1 })).faults, { b: wrong });
  assertEquals((await faultsOf({ a: 2, b: 1, c: 1 })).faults, { a: wrong });
  assertEquals((await faultsOf({ a: 2, b: 2, c: 1, d: 1 })).faults, { c: wrong, d: wrong });
  assertEquals((await faultsOf({ a: 2, b: 3, c: 1, d: 1, e: 1 })).faults, { a: wrong, b: wrong });
  assertEquals((await faultsOf({ a: 1, b: 2, c: 3 })).faults, { b: wrong, c: wrong });
});

Deno.test("judge() ignores rejected and non-finite variants, even the default", async () => {
  assertEquals((await faultsOf({ a: "no such type", b: 1, c: NaN, d: 1 })).faults, {
    a: "the driver rejects it: no such type",
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

Deno.test("toleranceOf() accepts sums in another order and rejects a missing term", () => {
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
