import { assertThrows } from "../assert.ts";
import { halfTest, onGpu } from "../gpu/shared.ts";
import { globalAveragePool as reference } from "../../src/reference/global_average_pool.ts";
import { globalAveragePool } from "../../src/ops/global_average_pool.ts";
import { type Call, checkGolden, checkOp, goldenCases, newTape, placed, sumError } from "./harness.ts";

function call(shape: readonly number[], half = false): Call {
  return {
    shapes: { x: shape },
    halves: half ? ["x"] : [],
    op: (tape, { x }) => globalAveragePool(tape, { x, name: "pool" }),
  };
}

const cases: [N: number, H: number, W: number, C: number, maxGrid?: number, maxBinding?: number][] = [
  [1, 1, 1, 4],
  [3, 5, 7, 28],
  [9, 2, 3, 28], // 63 invocations
  [8, 3, 2, 32], // 64
  [13, 1, 2, 20], // 65
  [2, 11, 13, 36],
  [19, 2, 1, 68, 5], // forward and backward on grids of two dimensions
  [5, 4, 3, 64, undefined, 2 * 4 * 3 * 64 * 4], // pieces of two images and one
  [37, 3, 3, 4, undefined, 20 * 3 * 3 * 4 * 4], // pieces of sixteen images and five
];

for (const [N, H, W, C, maxGrid, maxBinding] of cases) {
  Deno.test(`globalAveragePool() matches the reference at [${N}, ${H}, ${W}, ${C}]`, onGpu, async () => {
    await checkOp(`globalAveragePool ${[N, H, W, C]}`, {
      ...call([N, H, W, C]),
      maxGrid,
      maxBinding,
      reference: ({ x }) => reference(x, { N, H, W, C }),
      tolerance: { y: sumError(H * W) / (H * W), dx: 2 ** -23 },
    });
  });
}

halfTest("globalAveragePool() matches the reference in float16", async () => {
  for (const [N, H, W, C, maxGrid, maxBinding] of cases.filter((_, i) => i % 2 === 1)) {
    await checkOp(`globalAveragePool ${[N, H, W, C]}`, {
      ...call([N, H, W, C], true),
      maxGrid,
      maxBinding: maxBinding && maxBinding / 2,
      reference: ({ x }) => reference(x, { N, H, W, C }),
      tolerance: { y: sumError(H * W) / (H * W), dx: 2 ** -23 },
    });
  }
});

for (const golden of goldenCases("global_average_pool")) {
  Deno.test(`globalAveragePool() matches PyTorch's ${golden.name}`, onGpu, async () => {
    await checkGolden(golden, { ...call(golden.shapes.x), absolute: 2e-7 });
  });
}

Deno.test("globalAveragePool() rejects wrong shapes", async () => {
  const run = (x: number[]) => () =>
    globalAveragePool(newTape({ maxGrid: 7 }), { x: placed("x", x), name: "pool" });
  await assertThrows(
    run([2, 4, 4, 6]),
    TypeError,
    /^Cannot run globalAveragePool: "x" must be \[N, H, W, C\], C a multiple of 4, but its shape is \[2, 4, 4, 6\]$/,
  );
  await assertThrows(run([2, 16, 4]), TypeError, /"x" must be \[N, H, W, C\]/);
});
