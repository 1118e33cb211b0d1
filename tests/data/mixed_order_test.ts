import { mixedOrder } from "../../data/mixed_order.ts";
import { keyedRandom } from "../../src/base/random.ts";
import { assert, assertEquals } from "../assert.ts";

/** Images per class among the first `count` of `order`. */
function countsOf(order: Uint32Array, { labels, count }: { labels: (number | null)[]; count: number }) {
  const counts = new Map<number | null, number>();
  for (const i of order.subarray(0, count)) counts.set(labels[i], (counts.get(labels[i]) ?? 0) + 1);
  return counts;
}

const ordered = (labels: (number | null)[], seed = 0) =>
  mixedOrder(labels.length, { labelOf: (i) => labels[i], seed });

Deno.test("mixedOrder() holds each class in its share in each prefix", () => {
  // Classes of 400, 37, 3 and 1 images, 60 without a label, with numbers that have gaps, one class after another.
  const sizes: [number | null, number][] = [[7, 400], [20577, 37], [null, 60], [0, 3], [11, 1]];
  const labels = sizes.flatMap(([label, size]) => Array<number | null>(size).fill(label)), n = labels.length;
  for (const seed of [0, 1, 2]) {
    const order = ordered(labels, seed);
    assertEquals([...order].sort((a, b) => a - b), [...labels.keys()], "each image once");
    for (const count of [5, 50, 100, 101, 250, 400, n]) {
      const counts = countsOf(order, { labels, count });
      for (const [label, size] of sizes) {
        const found = counts.get(label) ?? 0, share = size * count / n;
        assert(Math.abs(found - share) <= 2, `${found} of ${label} among ${count}, expected ${share}`);
      }
    }
  }
});

Deno.test("mixedOrder() takes equally many of equally large classes", () => {
  const labels = Array.from({ length: 200 }, (_, i) => Math.floor(i / 20)), order = ordered(labels, 3);
  for (const count of [20, 50, 110]) {
    const counts = countsOf(order, { labels, count });
    for (let k = 0; k < 10; k++) {
      const found = counts.get(k) ?? 0;
      assert(found === Math.floor(count / 10) || found === Math.ceil(count / 10), `${found} of class ${k}`);
    }
  }
});

Deno.test("mixedOrder() depends on the seed only, and images of a class are drawn", () => {
  const labels = Array.from({ length: 300 }, (_, i) => i < 100 ? 0 : 1);
  assertEquals([...ordered(labels, 4)], [...ordered(labels, 4)]);
  assert(`${ordered(labels, 4)}` !== `${ordered(labels, 5)}`, "seeds give the same order");
  const first = [...ordered(labels, 4).subarray(0, 30)];
  assert(
    first.some((i) => i > 200) && first.some((i) => i > 50 && i < 100),
    "the images of a class are in order",
  );
});

Deno.test("mixedOrder() spreads classes of one image, and takes many of them", () => {
  const random = keyedRandom(1), n = 20_000, singles = 10_000;
  const labels = Array.from({ length: n }, (_, i) => i < singles ? i : singles + random.integer(2));
  const counts = countsOf(ordered(labels), { labels, count: n / 10 });
  const found = [...counts.keys()].filter((label) => label! < singles).length;
  assert(Math.abs(found - singles / 10) < 10, `${found} of ${singles} classes of one image in a tenth`);
  for (const k of [0, 1]) {
    const share = labels.filter((label) => label === singles + k).length / 10;
    const count = counts.get(singles + k)!;
    assert(Math.abs(count - share) < 10, `${count} of a large class, expected ${share}`);
  }
});

Deno.test("mixedOrder() without labels is a permutation, for 0, 1 and 2 images too", () => {
  for (const n of [0, 1, 2, 77]) {
    const order = mixedOrder(n, { seed: 9 }), alike = mixedOrder(n, { seed: 9, labelOf: () => null });
    assertEquals([...order].sort((a, b) => a - b), Array.from({ length: n }, (_, i) => i));
    assertEquals([...alike], [...order]);
    const each = mixedOrder(n, { seed: 9, labelOf: (i) => i });
    assertEquals([...each].sort((a, b) => a - b), Array.from({ length: n }, (_, i) => i));
  }
});
