import { principalComponents, rankMe } from "../../src/eval/spectrum.ts";
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

Deno.test("rankMe() is exp of the entropy of normalized singular values, of tall and wide features", () => {
  const values = [5, 3, 1, 1, 0.5], total = 10.5;
  const expected = Math.exp(-values.reduce((sum, value) => sum + value / total * Math.log(value / total), 0));
  for (const sizes of [{ n: 23, dims: 7 }, { n: 5, dims: 40 }, { n: 9, dims: 9 }]) {
    assertClose("rank", [rankMe({ features: withSpectrum(values, sizes), dims: sizes.dims })], [expected], {
      relative: 2e-5,
    });
  }
});

Deno.test("rankMe() is n for n equal singular values, 1 for one direction, 0 for zeros and NaN", () => {
  const sizes = { n: 20, dims: 6 };
  assertClose("even", [rankMe({ features: withSpectrum(Array(6).fill(2), sizes), dims: 6 })], [6], {
    relative: 1e-6,
  });
  assertClose("single", [rankMe({ features: withSpectrum([3], sizes), dims: 6 })], [1], { absolute: 1e-5 });
  assertEquals(rankMe({ features: new Float32Array(30), dims: 5 }), 0);
  assertEquals(rankMe({ features: Float32Array.of(1, 2, NaN, 4), dims: 2 }), 0);
});

Deno.test("rankMe() with a maximum counts the first rows where both sides are larger", () => {
  const features = withSpectrum([5, 3, 1, 1, 0.5, 0.2], { n: 12, dims: 10 });
  const of = (rows: number, maxSize?: number) =>
    rankMe({ features: features.subarray(0, 10 * rows), dims: 10 }, { maxSize });
  assertEquals(of(12, 7), of(7));
  assertEquals(of(12, 10), of(12));
  assertEquals(of(6, 7), of(6));
  assertEquals(of(12, 7) !== of(12), true);
});

Deno.test("principalComponents() projects on the directions of most variance, of tall and wide features", () => {
  for (const sizes of [{ n: 23, dims: 7 }, { n: 6, dims: 40 }]) {
    const features = withSpectrum([5, 3, 1], sizes), { n, dims } = sizes;
    const centered = features.map((value, i) => {
      let mean = 0;
      for (let row = 0; row < n; row++) mean += features[row * dims + i % dims] / n;
      return value - mean;
    });
    const { scores, shares } = principalComponents({ features, dims }, 2);
    const column = (c: number) => Array.from({ length: n }, (_, i) => scores[2 * i + c]);
    const square = (values: ArrayLike<number>) =>
      Array.from(values).reduce((sum, value) => sum + value * value, 0);
    const dot = column(0).reduce((sum, value, i) => sum + value * column(1)[i], 0);
    assertClose("uncorrelated", [dot], [0], { absolute: 1e-4 });
    [0, 1].forEach((c) => {
      assertClose("share", [square(column(c)) / square(centered)], [shares[c]], { relative: 1e-4 });
      const far = column(c).reduce((a, b) => Math.abs(b) > Math.abs(a) ? b : a);
      assertEquals(far > 0, true, "the sign is not fixed");
    });
    assertEquals(shares[0] > shares[1] && shares[0] + shares[1] > 0.8, true, `${shares}`);
    // The scores are projections: the direction that they span gives them back.
    const direction = Array.from(
      { length: dims },
      (_, d) =>
        column(0).reduce((sum, score, i) => sum + score * centered[i * dims + d], 0) / square(column(0)),
    );
    assertClose("length", [square(direction)], [1], { absolute: 1e-4 });
    const again = Array.from(
      { length: n },
      (_, i) => direction.reduce((sum, value, d) => sum + value * centered[i * dims + d], 0),
    );
    assertClose("scores", again, column(0), { absolute: 1e-4 });
  }
});
