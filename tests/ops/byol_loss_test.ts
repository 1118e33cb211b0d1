import { assert, assertClose, assertEquals, assertThrows } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";
import { onGpu, targets } from "../gpu/shared.ts";
import { byolLoss as reference } from "../../src/reference/byol_loss.ts";
import { cosine } from "../../src/reference/cosine.ts";
import { centralDifferences } from "../../src/reference/finite_difference.ts";
import { byolLoss } from "../../src/ops/byol_loss.ts";
import { stepMetrics } from "../../src/ops/step_metrics.ts";
import { packStep } from "../../src/optim/optimizer.ts";
import { type Call, goldenCases, newTape, placed, runOp } from "./harness.ts";

function lossOf(N: number, D: number): Call {
  return {
    shapes: { q: [2 * N, D], z: [2 * N, D] },
    op: (tape, { q, z }) => byolLoss(tape, { q, target: z }),
  };
}

const sum = (values: Float32Array) => values.reduce((a, b) => a + b, 0);

/** Rows around a workgroup's 8, dimensions around the tiles, and a grid of two dimensions. */
const cases = [[1, 4], [3, 24], [4, 28], [5, 36], [4, 32], [7, 256], [33, 20]];

Deno.test("byolLoss() computes each row's term and the gradient of q", onGpu, async () => {
  for (const [N, D] of cases) {
    const values = { q: hashSigned(`q ${N} ${D}`, 2 * N * D), z: hashSigned(`z ${N} ${D}`, 2 * N * D) };
    const terms = Array.from(
      { length: 2 * N },
      (_, i) => 2 - 2 * cosine([values.q, i], [values.z, (i + N) % (2 * N)], D),
    );
    const dq = centralDifferences((q) => reference({ q, z: values.z }, { N, D }), values.q);
    for (const target of await targets()) {
      const actual = await runOp(lossOf(N, D), { values, target: { ...target, maxGrid: 7 } });
      assertClose(`losses of ${N} × ${D}`, actual.y, terms, { absolute: 2e-6 });
      assertClose(`loss of ${N} × ${D}`, [sum(actual.y) / N], [reference(values, { N, D })], {
        absolute: 4e-6,
      });
      assertClose(`dq of ${N} × ${D}`, actual.dq, dq, { absolute: 2e-6 / N });
      assert(!("dz" in actual), "the target has a gradient");
    }
  }
});

Deno.test(
  "byolLoss() is 0 for equal unit vectors and 4 for opposite ones, across the views",
  onGpu,
  async () => {
    const N = 5, D = 12;
    const q = new Float32Array(2 * N * D), crossed = q.slice();
    for (let i = 0; i < 2 * N; i++) {
      q[i * D + i] = 1; // every row is another unit vector
      crossed[((i + N) % (2 * N)) * D + i] = 1;
    }
    for (const target of await targets()) {
      const losses = async (
        z: Float32Array,
      ) => [...(await runOp(lossOf(N, D), { values: { q, z }, target })).y];
      assertEquals(await losses(crossed), Array(2 * N).fill(0));
      assertEquals(await losses(crossed.map((value) => -value)), Array(2 * N).fill(4));
      assertEquals(await losses(q), Array(2 * N).fill(2), "a row met its own view");
    }
  },
);

Deno.test(
  "byolLoss() ignores lengths, is finite for a row of length 0, and NaN for NaN",
  onGpu,
  async () => {
    const N = 2, D = 8, q = hashSigned("q", 2 * N * D), z = hashSigned("z", 2 * N * D);
    for (const target of await targets()) {
      const run = (values: Record<string, Float32Array>) => runOp(lossOf(N, D), { values, target });
      const plain = await run({ q, z });
      const scaled = await run({ q: q.map((v) => 4 * v), z: z.map((v) => v / 8) });
      assertClose("losses", scaled.y, plain.y, {});
      assertClose("dq", scaled.dq, plain.dq.map((v) => v / 4), {});
      const degenerate = await run({ q: q.map((v, i) => i < D ? 0 : v), z });
      assert(degenerate.dq.every(Number.isFinite), "dq is not finite");
      assertEquals(degenerate.y[0], 2);
      const lost = await run({
        q: q.map((v, i) => i === 3 ? NaN : v),
        z: z.map((v, i) => i === 3 ? Infinity : v),
      });
      assertEquals(Array.from(lost.y, Number.isNaN), [true, false, true, false], "NaN is hidden");
    }
  },
);

for (const { name, sizes: { N, D }, values, expected } of goldenCases("byol_loss")) {
  Deno.test(`byolLoss() matches PyTorch's ${name}`, onGpu, async () => {
    for (const target of await targets()) {
      const { y, dq } = await runOp(lossOf(N, D), { values, target });
      assertClose("loss", [sum(y) / N], expected.y, { relative: 1e-6 });
      assertClose("dq", dq, expected.dq, { absolute: 2e-7 });
    }
  });
}

Deno.test("byolLoss() rejects wrong shapes", async () => {
  const run = (q: number[], z: number[]) => () =>
    byolLoss(newTape({ maxGrid: 7 }), { q: placed("q", q), target: placed("z", z) });
  await assertThrows(
    run([5, 8], [5, 8]),
    TypeError,
    /^Cannot run byolLoss: "q" must be \[2N, D\], D a multiple of 4, but its shape is \[5, 8\]$/,
  );
  await assertThrows(run([4, 6], [4, 6]), TypeError, /"q" must be \[2N, D\]/);
  await assertThrows(
    run([4, 8], [8, 4]),
    TypeError,
    /"z" must be shaped as the predictions, \[4, 8\], but its shape is \[8, 4\]/,
  );
});

/** The loss and the deviation of the normalized rows, averaged over dimensions. */
function metrics({ losses, z }: Record<"losses" | "z", Float32Array>, D: number): [number, number] {
  const rows = z.length / D;
  const unit = Float64Array.from(z, (value, i) => {
    const row = z.subarray(i - i % D, i - i % D + D);
    return value / Math.hypot(...row);
  });
  let deviation = 0;
  for (let d = 0; d < D; d++) {
    const column = Array.from({ length: rows }, (_, i) => unit[i * D + d]);
    const mean = column.reduce((a, b) => a + b) / rows;
    deviation += Math.sqrt(column.reduce((a, b) => a + (b - mean) ** 2, 0) / rows) / D;
  }
  return [losses.reduce((a, b) => a + b, 0) / (rows / 2), deviation];
}

Deno.test(
  "stepMetrics() writes loss and z_std to the step's slot of the ring",
  onGpu,
  async () => {
    const slots = 7, slot = 5;
    const scalars = { lr: 1, momentum: 1, weightDecay: 1, tau: 1, slot };
    for (const [N, D] of [[1, 4], [31, 60], [32, 64], [33, 68], [67, 132], [4200, 4]]) {
      const values = {
        losses: hashSigned(`losses ${N}`, 2 * N).map((u) => 2 + u),
        z: hashSigned(`z ${N}`, 2 * N * D),
        ring: hashSigned("ring", 4 * slots),
      };
      const call = (batches: number): Call => ({
        shapes: { losses: [2 * N], z: [2 * N, D], ring: [slots, 4], step: [8] },
        uniform: "step",
        op: (tape, { losses, z, ring, step }) => stepMetrics(tape, { losses, z, ring, step }, { batches }),
      });
      const found = metrics(values, D), before = values.ring.subarray(4 * slot, 4 * slot + 2);
      for (const target of await targets()) {
        // The first of a step's batches forgets what the slot had, a later one adds to it.
        for (const [batches, part] of [[1, 0], [3, 0], [3, 2]]) {
          const step = new Float32Array(packStep({ ...scalars, part }).buffer);
          const expected = values.ring.slice();
          expected.set(found.map((value, i) => value / batches + (part > 0 ? before[i] : 0)), 4 * slot);
          const { ring } = await runOp(call(batches), { values: { ...values, step }, target });
          assertClose(`ring of ${N} × ${D}`, ring, expected, { relative: 2e-6 });
        }
      }
    }
  },
);
