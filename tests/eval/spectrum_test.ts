import { rankMe } from "../../src/eval/spectrum.ts";
import { assertClose, assertEquals } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";

/** Q [n, n], orthogonal: the reflection at a hashed vector. */
function reflection(tag: string, n: number): number[][] {
  const v = hashSigned(tag, n), square = v.reduce((sum, x) => sum + x * x, 0);
  return Array.from(
    { length: n },
    (_, i) => Array.from({ length: n }, (_, j) => Number(i === j) - 2 * v[i] * v[j] / square),
  );
}

/** U diag(values) V, [n, dims]. */
function withSpectrum(values: number[], { n, dims }: { n: number; dims: number }) {
  const U = reflection("left", n), V = reflection("right", dims);
  return Float32Array.from({ length: n * dims }, (_, i) => {
    const row = Math.floor(i / dims), column = i % dims;
    return values.reduce((sum, value, k) => sum + U[row][k] * value * V[k][column], 0);
  });
}

Deno.test("rankMe: exp of the entropy of the singular values' shares, of tall and of wide features", () => {
  const values = [5, 3, 1, 1, 0.5], total = 10.5;
  const expected = Math.exp(-values.reduce((sum, value) => sum + value / total * Math.log(value / total), 0));
  for (const sizes of [{ n: 23, dims: 7 }, { n: 5, dims: 40 }, { n: 9, dims: 9 }]) {
    assertClose("rank", [rankMe({ features: withSpectrum(values, sizes), dims: sizes.dims })], [expected], {
      relative: 2e-5,
    });
  }
});

Deno.test("rankMe: equal singular values give their number, one direction gives 1, nothing 0", () => {
  const sizes = { n: 20, dims: 6 };
  assertClose("even", [rankMe({ features: withSpectrum(Array(6).fill(2), sizes), dims: 6 })], [6], {
    relative: 1e-6,
  });
  assertClose("single", [rankMe({ features: withSpectrum([3], sizes), dims: 6 })], [1], { absolute: 1e-5 });
  assertEquals(rankMe({ features: new Float32Array(30), dims: 5 }), 0);
});
