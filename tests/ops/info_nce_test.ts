import { assert, assertClose, assertEquals, assertNone, assertThrows } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";
import { FAMILIES, onGpu, targets } from "../gpu/shared.ts";
import { byolLoss as byolReference } from "../../src/reference/byol_loss.ts";
import { centralDifferences } from "../../src/reference/finite_difference.ts";
import { infoNce as reference, type InfoNceSizes, infoNceTerms } from "../../src/reference/info_nce.ts";
import { byolLoss } from "../../src/ops/byol_loss.ts";
import { infoNce } from "../../src/ops/info_nce.ts";
import { type Call, goldenCases, newTape, placed, runOp, sampleGradient } from "./harness.ts";

interface Case extends InfoNceSizes {
  /** Whether z gets a gradient too, or is the same tensor as q. */
  z?: "constant" | "shared" | "same" | "same, constant";
  maxBinding?: number;
}

/** The loss, and of its gradients what is asked for. */
function lossOf({ N, D, beta, alpha, z: kind = "constant" }: Case): Call {
  const same = kind.startsWith("same"), shared = kind === "shared" || kind === "same";
  return {
    shapes: { q: [2 * N, D], ...!same && { z: [2 * N, D] } },
    families: [...FAMILIES, "tiled-64x64"],
    op(tape, { q, z }) {
      const losses = infoNce(tape, { q, target: z ?? q, shared, negatives: beta, temperature: alpha });
      tape.backward(); // through the rows' lengths
      return losses;
    },
  };
}

/** Rows around a workgroup's 64 lanes and a multiple of four, dimensions around the tiles. */
const cases: Case[] = [
  { N: 1, D: 4, beta: 1, alpha: 0.1 },
  { N: 1, D: 8, beta: 0.5, alpha: 1, z: "same" },
  { N: 3, D: 24, beta: 1, alpha: 0.1, z: "shared" },
  { N: 4, D: 28, beta: 0.25, alpha: 0.5, z: "same" },
  { N: 5, D: 36, beta: 2, alpha: 0.2, z: "same, constant" },
  { N: 7, D: 12, beta: 0, alpha: 0.1, z: "shared" },
  { N: 31, D: 20, beta: 1, alpha: 0.1, z: "same" },
  { N: 32, D: 32, beta: 1, alpha: 0.5, z: "shared" },
  { N: 37, D: 68, beta: 0.3, alpha: 0.1, z: "shared" },
  { N: 67, D: 8, beta: 1, alpha: 0.07, z: "same", maxBinding: 65 * 256 }, // the matrix in pieces of rows
];

Deno.test("infoNce() computes each row's term and the gradients of both sides", onGpu, async () => {
  for (const sizes of cases) {
    const { N, D, alpha, z: kind = "constant", maxBinding } = sizes, name = JSON.stringify(sizes);
    const same = kind.startsWith("same");
    const values = { q: hashSigned(`q ${name}`, 2 * N * D), z: hashSigned(`z ${name}`, 2 * N * D) };
    const z = same ? values.q : values.z;
    const terms = infoNceTerms({ q: values.q, z }, sizes);
    const dq = sampleGradient(`dq ${name}`, {
      f: (q) => reference({ q, z: kind === "same" ? q : z }, sizes),
      at: values.q,
    });
    const dz = sampleGradient(`dz ${name}`, {
      f: (z) => reference({ q: values.q, z }, sizes),
      at: values.z,
    });
    for (const target of await targets(lossOf(sizes).families)) {
      const limits = { maxGrid: 70, ...maxBinding && { maxBinding } };
      const actual = await runOp(lossOf(sizes), { values, target: { ...target, ...limits } });
      const where = `of ${name} with ${target.family} kernels`;
      assertClose(`losses ${where}`, actual.y, terms, { absolute: 4e-6 });
      // An error of a cosine is an error of its exponent, α times smaller.
      const absolute = 2e-6 / N / Math.min(alpha, 1);
      assertNone(dq(`dq ${where}`, actual.dq, { absolute }));
      if (kind === "shared") assertNone(dz(`dz ${where}`, actual.dz, { absolute }));
      else assert(!("dz" in actual), "the target has a gradient");
    }
  }
});

Deno.test("infoNce() with β = 0 is BYOL's loss, with one side's gradient or both", onGpu, async () => {
  const sizes = { N: 6, D: 20, beta: 0, alpha: 0.1 }, { N, D } = sizes;
  const values = { q: hashSigned("q", 2 * N * D), z: hashSigned("z", 2 * N * D) };
  const byol = (shared: boolean): Call => ({
    ...lossOf(sizes),
    op: (tape, { q, z }) => byolLoss(tape, { q, target: z, shared }),
  });
  const dz = centralDifferences((z) => byolReference({ q: values.q, z }, { N, D }), values.z);
  for (const target of await targets()) {
    const one = await runOp(byol(false), { values, target });
    const both = await runOp(byol(true), { values, target });
    const general = await runOp(lossOf({ ...sizes, z: "shared" }), { values, target });
    assertEquals([...both.dq], [...one.dq]);
    assert(!("dz" in one), "the target has a gradient");
    assertClose("losses", general.y, one.y, { absolute: 1e-6 });
    assertClose("dq", general.dq, one.dq, { absolute: 1e-6 });
    assertClose("dz", both.dz, dz, { absolute: 2e-6 / N });
    assertClose("dz of both losses", general.dz, both.dz, { absolute: 1e-6 });
    // The same tensor on both sides gets both gradients.
    const same: Call = {
      shapes: { q: [2 * N, D] },
      op: (tape, { q }) => byolLoss(tape, { q, target: q, shared: true }),
    };
    const itself = await runOp(same, { values, target });
    const expected = centralDifferences((q) => byolReference({ q, z: q }, { N, D }), values.q);
    assertClose("dq of q against itself", itself.dq, expected, { absolute: 4e-6 / N });
  }
});

Deno.test("infoNce() with β = 1 on one tensor is 4 + 4α · NT-Xent", onGpu, async () => {
  const N = 9, D = 16, alpha = 0.3, q = hashSigned("q", 2 * N * D);
  const unit = q.map((value, i) => value / Math.hypot(...q.subarray(i - i % D, i - i % D + D)));
  const exponent = (i: number, k: number) => {
    let dot = 0;
    for (let d = 0; d < D; d++) dot += unit[i * D + d] * unit[k * D + d];
    return dot / alpha;
  };
  // Chen et al. 2020, equation 1, averaged over the 2N rows.
  let ntXent = 0;
  for (let i = 0; i < 2 * N; i++) {
    let sum = 0;
    for (let k = 0; k < 2 * N; k++) if (k !== i) sum += Math.exp(exponent(i, k));
    ntXent -= Math.log(Math.exp(exponent(i, (i + N) % (2 * N))) / sum) / (2 * N);
  }
  for (const target of await targets()) {
    const { y } = await runOp(lossOf({ N, D, beta: 1, alpha, z: "same" }), { values: { q }, target });
    assertClose("loss", [y.reduce((a, b) => a + b, 0) / N], [4 + 4 * alpha * ntXent], { relative: 1e-6 });
  }
});

Deno.test(
  "infoNce() is finite for equal rows, a tiny temperature and a row of length 0, and NaN for NaN",
  onGpu,
  async () => {
    const N = 3, D = 8, sizes = { N, D, beta: 1, alpha: 0.1, z: "shared" } as const;
    const q = hashSigned("q", 2 * N * D), z = hashSigned("z", 2 * N * D);
    for (const target of await targets()) {
      const run = (values: Record<string, Float32Array>, more: Partial<Case> = {}) =>
        runOp(lossOf({ ...sizes, ...more }), { values, target });
      // All cosines are 1: each exponent counts the same, and no direction is better.
      const equal = new Float32Array(2 * N * D).fill(0.5);
      const collapsed = await run({ q: equal, z: equal });
      const term = 2 * (0.1 * Math.log(2 * N - 1) + 1);
      assertClose("losses", collapsed.y, Array(2 * N).fill(term), { absolute: 1e-6 });
      assertClose("dq", collapsed.dq, new Float32Array(q.length), { absolute: 1e-6 });
      const cold = await run({ q, z }, { alpha: 1e-4 });
      const expected = infoNceTerms({ q, z }, { N, D, beta: 0, alpha: 1 }).map((term, i) => {
        const others = Array.from({ length: 2 * N }, (_, k) => k).filter((k) => k !== i);
        const alone = (k: number) => {
          const [a, b] = [q.subarray(i * D, i * D + D), z.subarray(k * D, k * D + D)];
          return a.reduce((sum, v, d) => sum + v * b[d], 0) / Math.hypot(...a) / Math.hypot(...b);
        };
        return term + 2 * Math.max(...others.map(alone));
      });
      assertClose("losses of the nearest", cold.y, expected, { absolute: 1e-5 });
      assert(cold.dq.every(Number.isFinite) && cold.dz.every(Number.isFinite), "a gradient is not finite");
      const none = await run({ q: q.map((v, i) => i < D ? 0 : v), z });
      assert(none.y.every(Number.isFinite) && none.dq.every(Number.isFinite), "a row of length 0 is NaN");
      const lost = await run({ q: q.map((v, i) => i === 3 ? NaN : v), z });
      assert(Number.isNaN(lost.y[0]) && lost.y.subarray(1).every(Number.isFinite), "NaN is hidden");
    }
  },
);

for (const { name, shapes, sizes, values, expected } of goldenCases("info_nce")) {
  Deno.test(`infoNce() matches PyTorch's ${name}`, onGpu, async () => {
    const { N, alpha } = sizes, same = !("z" in shapes);
    const z = same ? "same" : "dz" in expected ? "shared" : "constant";
    const call = lossOf({ ...sizes, z });
    for (const target of await targets(call.families)) {
      const actual = await runOp(call, { values, target });
      const loss = actual.y.reduce((a, b) => a + b, 0) / N;
      assertClose("loss", [loss], expected.y, { absolute: 1e-6, relative: 1e-6 });
      for (const key of Object.keys(expected).filter((key) => key !== "y")) {
        // What float32 loses in PyTorch itself is in the file: nothing here may lose more than some times that.
        assertClose(key, actual[key], expected[key], { absolute: 4 * sizes.error + 1e-7 / alpha });
      }
    }
  });
}

Deno.test("infoNce() rejects wrong shapes", async () => {
  const run = (q: number[], z: number[]) => () =>
    infoNce(newTape({ maxGrid: 7 }), {
      q: placed("q", q),
      target: placed("z", z),
      shared: false,
      negatives: 1,
      temperature: 0.1,
    });
  await assertThrows(run([5, 8], [5, 8]), TypeError, /^Cannot run infoNce: "q" must be \[2N, D\]/);
  await assertThrows(run([4, 6], [4, 6]), TypeError, /D a multiple of 4, but its shape is \[4, 6\]/);
  await assertThrows(run([4, 8], [8, 4]), TypeError, /"z" must be shaped as the predictions, \[4, 8\]/);
});
