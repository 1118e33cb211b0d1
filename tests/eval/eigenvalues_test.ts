import { EigenvalueDecomposition, Matrix } from "npm:ml-matrix@6.15.1";
import { symmetricEigenvalues } from "../../src/eval/eigenvalues.ts";
import { assertClose, assertEquals } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";

const sorted = (values: ArrayLike<number>) => Array.from(values).sort((a, b) => a - b);

/** The eigenvalues of the matrix with this lower triangle, and those that ml-matrix finds. */
function both(lower: (i: number, j: number) => number, n: number) {
  const rows = Array.from(
    { length: n },
    (_, i) => Float64Array.from({ length: i + 1 }, (_, j) => lower(i, j)),
  );
  const full = rows.map((row, i) => rows.map((other, j) => i < j ? other[i] : row[j]));
  const peer = new EigenvalueDecomposition(new Matrix(full), { assumeSymmetric: true }).realEigenvalues;
  return { found: sorted(symmetricEigenvalues(rows)), expected: sorted(peer) };
}

Deno.test("symmetricEigenvalues() agrees with ml-matrix", () => {
  for (const n of [1, 2, 3, 7, 31, 64]) {
    const noise = hashSigned(`symmetric ${n}`, n * n);
    const { found, expected } = both((i, j) => noise[i * n + j], n);
    assertClose(`eigenvalues of ${n}`, found, expected, { absolute: 1e-13 * n });
  }
});

Deno.test("symmetricEigenvalues() of diagonal, tridiagonal, equal, tiny and huge matrices", () => {
  assertEquals(sorted(symmetricEigenvalues([])), []);
  const diagonal = (i: number, j: number) => i === j ? [3, -1, 0, 5, 3][i] : 0;
  assertEquals(both(diagonal, 5).found, [-1, 0, 3, 3, 5]);
  // The second difference: 2 − 2·cos(kπ / (n + 1)).
  const { found } = both((i, j) => i === j ? 2 : i - j === 1 ? -1 : 0, 9);
  const known = Array.from({ length: 9 }, (_, k) => 2 - 2 * Math.cos((k + 1) * Math.PI / 10));
  assertClose("second difference", found, known, { absolute: 1e-14 });
  assertClose("all equal", both(() => 1, 6).found, [0, 0, 0, 0, 0, 6], { absolute: 1e-14 });
  // Eigenvalues over 40 orders of magnitude, in either order.
  for (const sign of [-1, 1]) {
    const n = 120, graded = (i: number, j: number) => 10 ** (sign * (i + j) / 6) / (1 + Math.abs(i - j));
    const { found, expected } = both(graded, n), most = expected.at(-1)!;
    assertClose("graded", found.map((x) => x / most), expected.map((x) => x / most), { absolute: 1e-14 });
  }
  for (const scale of [1e-150, 1e150]) {
    const { found, expected } = both((i, j) => scale / (1 + i + 2 * j), 6);
    assertClose(`scale ${scale}`, found.map((x) => x / scale), expected.map((x) => x / scale), {
      absolute: 1e-14,
    });
  }
});
