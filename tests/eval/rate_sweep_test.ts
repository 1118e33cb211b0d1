/** The choice of a learning rate. */
import { chooseRate, type RateSweep, sweepOf } from "../../src/eval/rate_sweep.ts";
import { assertEquals } from "../assert.ts";

const rates = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const sweep: RateSweep = { rates, first: 3, end: 6, more: 2 };

/** Chooses by made-up scores; also returns which rates were asked for, call by call. */
async function choose(scoreOf: (rate: number) => number, given = sweep) {
  const asked: number[][] = [];
  const { lr, sweep } = await chooseRate(given, (some) => {
    asked.push([...some]);
    return Promise.resolve(some.map(scoreOf));
  });
  assertEquals(sweep, sweep.map(({ lr }) => ({ lr, top1: scoreOf(lr) })), "a score belongs to another rate");
  return { lr, asked };
}

Deno.test("chooseRate() tries no more when the best rate is inside the range", async () => {
  assertEquals(await choose((rate) => -Math.abs(rate - 5)), { lr: 5, asked: [[4, 5, 6]] });
});

Deno.test("chooseRate() goes on at the end that is the best, until it is no end", async () => {
  assertEquals(await choose((rate) => -Math.abs(rate - 7)), { lr: 7, asked: [[4, 5, 6], [7, 8]] });
  assertEquals(await choose((rate) => -Math.abs(rate - 2)), { lr: 2, asked: [[4, 5, 6], [2, 3], [1]] });
});

Deno.test("chooseRate() goes on at both ends when both are the best", async () => {
  const scores = [0, 3, 0, 2, 1, 2, 0, 0, 0];
  assertEquals(await choose((rate) => scores[rate - 1]), {
    lr: 2,
    asked: [[4, 5, 6], [2, 3], [7, 8], [1]],
  });
});

Deno.test("chooseRate() takes the last rate there is when that is the best", async () => {
  assertEquals(await choose((rate) => rate), { lr: 9, asked: [[4, 5, 6], [7, 8], [9]] });
  assertEquals(await choose((rate) => -rate, sweepOf([4, 5, 6])), { lr: 4, asked: [[4, 5, 6]] });
  assertEquals(await choose(() => 1, sweepOf([4])), { lr: 4, asked: [[4]] });
});

Deno.test("chooseRate() takes the lowest of equally good rates that is not at an end", async () => {
  assertEquals(await choose(() => 1), { lr: 5, asked: [[4, 5, 6]] });
  assertEquals((await choose((rate) => rate < 6 ? 1 : 0)).lr, 5);
  assertEquals((await choose((rate) => rate < 5 ? 0 : 1)).lr, 5);
});
