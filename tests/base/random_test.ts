import { assert, assertEquals } from "../assert.ts";
import { keyedRandom, permutation } from "../../src/base/random.ts";

Deno.test("keyedRandom() gives equal streams for equal keys only", () => {
  const draw = (...keys: number[]) => Array.from({ length: 4 }, keyedRandom(...keys).uniform);
  assertEquals(draw(1, 2, 3), draw(1, 2, 3));
  const streams = [
    draw(1, 2, 3),
    draw(1, 3, 2),
    draw(0, 2, 3),
    draw(1, 2),
    draw(1, 2, 3, 0),
    draw(2 ** 40, 2, 3),
  ];
  assertEquals(new Set(streams.map((s) => s.join())).size, streams.length);
});

Deno.test("keyedRandom() gives uniform and uncorrelated first draws for neighboring keys", () => {
  // 4096 streams that differ in the last key only: mean, variance and lag-1 correlation of their first draws.
  const first = Array.from({ length: 4096 }, (_, i) => keyedRandom(7, 0, i).uniform() - 0.5);
  const mean = first.reduce((s, v) => s + v) / 4096;
  const variance = first.reduce((s, v) => s + v * v, 0) / 4096;
  const lag = first.slice(1).reduce((s, v, i) => s + v * first[i], 0) / 4095;
  assert(Math.abs(mean) < 0.018, `mean ${mean}`); // 4 standard errors
  assert(Math.abs(variance - 1 / 12) < 0.005, `variance ${variance}`);
  assert(Math.abs(lag) < 0.0053, `lag-1 covariance ${lag}`);
});

Deno.test("keyedRandom().normal() has mean 0 and variance 1", () => {
  const random = keyedRandom(5);
  const values = Array.from({ length: 20000 }, () => random.normal());
  const mean = values.reduce((s, v) => s + v) / 20000;
  const variance = values.reduce((s, v) => s + v * v, 0) / 20000;
  assert(Math.abs(mean) < 0.03 && Math.abs(variance - 1) < 0.04, `${mean} ${variance}`);
});

Deno.test("permutation() has every number once and depends on the key", () => {
  const order = permutation(1000, keyedRandom(3));
  assertEquals([...order].sort((a, b) => a - b), Array.from({ length: 1000 }, (_, i) => i));
  assert(permutation(1000, keyedRandom(4)).join() !== order.join());
});
