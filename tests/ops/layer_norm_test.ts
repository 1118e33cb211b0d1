import { assertClose, assertThrows } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";
import { halfTest, onGpu, targets } from "../gpu/shared.ts";
import { layerNorm as reference } from "../../src/reference/layer_norm.ts";
import { layerNorm } from "../../src/ops/layer_norm.ts";
import { type Call, checkGolden, checkOp, goldenCases, newTape, placed, runOp, sumError } from "./harness.ts";

function call(shape: readonly number[], half = false): Call {
  const C = shape[shape.length - 1];
  return {
    shapes: { x: shape, gamma: [C], beta: [C] },
    trained: ["gamma", "beta"],
    halves: half ? ["x"] : [],
    op: (tape, { x, gamma, beta }) => layerNorm(tape, { x, gamma, beta, name: "norm" }),
  };
}

interface Case {
  shape: number[];
  maxGrid?: number;
  maxBinding?: number;
  families?: string[];
  half?: boolean;
}

// A workgroup has 8 rows; on a GPU 16 invocations share the quadruples of a row. A part of the sums has 16 to 128 rows.
const cases: Case[] = [
  { shape: [1, 4] },
  { shape: [1, 1, 1, 60] }, // 15, 16 and 17 quadruples
  { shape: [7, 64] },
  { shape: [8, 68] },
  { shape: [9, 12] },
  { shape: [3, 5, 7, 28] },
  { shape: [127, 8] },
  { shape: [1, 8, 16, 8] },
  { shape: [129, 8] },
  { shape: [2, 3, 3, 260] },
  { shape: [66 * 128 - 5, 4] }, // parts that are joined
  { shape: [5 * 64 * 16 + 7, 12], maxGrid: 29, families: ["hardware"] },
  { shape: [131, 36], maxGrid: 5 },
  { shape: [300, 32], maxBinding: 1024 * 32 },
  { shape: [5, 8, 6, 64], maxBinding: 129 * 64 * 4 }, // pieces of two images and one
  { shape: [37, 3, 3, 4], maxBinding: 33 * 9 * 4 * 4 },
];

async function check({ shape, half, ...options }: Case): Promise<void> {
  const C = shape.at(-1)!, size = shape.reduce((a, b) => a * b), rows = size / C;
  // Each error of x̂ is one of x, of at most 1, times the reciprocal deviation.
  const name = `layerNorm ${shape}`, x = hashSigned(`${name}.x`, size);
  let scale = 1;
  for (let m = 0; m < rows; m++) {
    const row = [...x.subarray(m * C, (m + 1) * C)], mean = row.reduce((a, b) => a + b) / C;
    scale = Math.max(scale, 1 / Math.sqrt(row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / C + 1e-6));
  }
  const unit = 2 ** -22 * scale;
  await checkOp(name, {
    ...call(shape, half),
    ...options,
    values: { x },
    reference: ({ x, gamma, beta }) => reference({ x, gamma, beta }, { C }),
    // x̂ is at most √C, typically 1.
    tolerance: {
      y: 4 * unit,
      dx: 8 * unit * scale,
      dgamma: 2 * sumError(rows) + 4 * unit * Math.sqrt(rows),
      dbeta: sumError(rows),
    },
  });
}

for (const each of cases) {
  Deno.test(`layerNorm() matches the reference at [${each.shape.join(", ")}]`, onGpu, () => check(each));
}

halfTest("layerNorm() matches the reference in float16", async () => {
  for (const shape of [[1, 4], [9, 12], [3, 5, 7, 28], [2, 3, 3, 260], [129, 8]]) {
    await check({ shape, half: true });
  }
  await check({ shape: [5, 8, 6, 64], maxBinding: 129 * 64 * 2, half: true });
});

Deno.test(
  "layerNorm() loses no more precision than the input at a mean of 1000 deviations",
  onGpu,
  async () => {
    const M = 9, C = 96;
    const values = {
      x: hashSigned("far", M * C).map((u) => u + 577),
      gamma: new Float32Array(C).fill(1),
      beta: new Float32Array(C),
    };
    const expected = reference(values, { C });
    for (const target of await targets()) {
      const { y } = await runOp(call([M, C]), { values, target });
      // The mean is rounded to 2⁻²⁴ · 577; a variance as E[x²] − E[x]² would be off by 5 %.
      assertClose("y", y, expected, { absolute: 2e-4 });
    }
  },
);

Deno.test("layerNorm() of equal channels gives beta", onGpu, async () => {
  const values = {
    x: new Float32Array(24).fill(3),
    gamma: hashSigned("gamma", 8),
    beta: hashSigned("beta", 8),
  };
  for (const target of await targets()) {
    const { y } = await runOp(call([3, 8]), { values, target });
    assertClose("y", y, [...values.beta, ...values.beta, ...values.beta], {});
  }
});

for (const golden of goldenCases("layer_norm")) {
  Deno.test(`layerNorm() matches PyTorch's ${golden.name}`, onGpu, async () => {
    await checkGolden(golden, { ...call(golden.shapes.x), absolute: 1e-5 });
  });
}

Deno.test("layerNorm() rejects wrong shapes", async () => {
  const run = (x: number[], C: number) => () =>
    layerNorm(newTape({}), {
      x: placed("x", x),
      gamma: placed("gamma", [C]),
      beta: placed("beta", [C]),
      name: "norm",
    });
  await assertThrows(
    run([6, 12], 8),
    TypeError,
    /^Cannot run layerNorm: "x" must have 8 channels, a multiple of 4, but its shape is \[6, 12\]$/,
  );
  await assertThrows(run([6, 6], 6), TypeError, /"x" must have 6 channels, a multiple of 4/);
});
