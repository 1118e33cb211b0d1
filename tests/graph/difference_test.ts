import { assertEquals } from "../assert.ts";
import { halfTest, onGpu, sharedGpu } from "../gpu/shared.ts";
import { Difference } from "../../src/graph/difference.ts";
import type { ElementType } from "../../src/gpu/kernel.ts";
import { Memory, type Store } from "../../src/gpu/memory.ts";
import { bytesOf, tensorIn } from "../../src/graph/tensor.ts";

/** The distance of tensors with `n` elements that are ±.5 and equal, but for the given ones. */
async function distance(
  n: number,
  { actual, expected = {} }: Record<string, Record<number, number>>,
  type: ElementType = "f32",
) {
  const round = type === "f16" ? Math.f16round : Math.fround;
  using memory = new Memory(await sharedGpu());
  const tensors = Object.entries({ actual, expected }).map(([name, changed]) => {
    const store: Store = { name, category: "input", bytes: bytesOf({ shape: [n], type }) };
    const numbers = Array.from({ length: n }, (_, i) => changed[i] ?? (i % 2 ? .5 : -.5));
    const values = type === "f16" ? Float16Array.from(numbers) : Float32Array.from(numbers);
    memory.write(store, new Uint8Array(values.buffer));
    return tensorIn(store, { shape: [n], type });
  });
  const elements = [n - 1, 0, n >> 1, n >> 2];
  using difference = new Difference(memory, { actual: tensors[0], expected: tensors[1], samples: elements });
  const first = await difference.measure();
  assertEquals(await difference.measure(), first, "the second time it is not the same");
  const told = elements.map((i) => actual[i] ?? (i % 2 ? .5 : -.5));
  assertEquals([...first.samples].map(String), told.map((value) => `${round(value)}`));
  return [first.actual, first.expected, first.difference];
}

Deno.test(
  "Difference: finds the one element that is off, first, last and anywhere, at any size",
  onGpu,
  async () => {
    for (const n of [1, 63, 64, 65, 1023, 1025, 64 * 16 * 1024 + 1]) {
      for (const at of new Set([0, n >> 1, n - 1])) {
        assertEquals(
          await distance(n, { actual: { [at]: -2 }, expected: { [at]: 1 } }),
          [2, 1, 3],
          `${at} of ${n}`,
        );
      }
      assertEquals(await distance(n, { actual: {} }), [.5, .5, 0]);
    }
  },
);

Deno.test("Difference.measure() keeps infinite and NaN values", onGpu, async () => {
  for (const bad of [NaN, -NaN, Infinity, -Infinity]) {
    const [actual, expected] = await distance(1000, { actual: { 999: bad, 3: 7 } });
    assertEquals([Number.isFinite(actual), expected], [false, .5]);
  }
  assertEquals((await distance(70, { actual: { 69: 3e38 }, expected: { 69: -3e38 } }))[2], Infinity);
});

halfTest(
  "Difference of float16: finds the one element that is off, and reads even and odd ones",
  async () => {
    const large = 64 * 16 * 1024 + 2;
    for (const n of [2, 62, 66, 1026, large]) {
      for (const at of new Set(n === large ? [n - 1] : [0, 1, n >> 1, n - 2, n - 1])) {
        const off = await distance(n, { actual: { [at]: -2.001 }, expected: { [at]: 1 } }, "f16");
        assertEquals(off, [Math.abs(Math.f16round(-2.001)), 1, 1 - Math.f16round(-2.001)], `${at} of ${n}`);
      }
      assertEquals(await distance(n, { actual: {} }, "f16"), [.5, .5, 0]);
    }
    for (const bad of [NaN, -NaN, Infinity, -Infinity]) {
      for (const at of [998, 999]) {
        const [actual, expected, difference] = await distance(1000, { actual: { [at]: bad, 3: 7 } }, "f16");
        assertEquals([Number.isFinite(actual), expected, Number.isFinite(difference)], [false, .5, false]);
      }
    }
  },
);
