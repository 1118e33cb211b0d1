import { assertThrows } from "../assert.ts";
import { halfTest, onGpu } from "../gpu/shared.ts";
import { layerScale as reference } from "../../src/reference/layer_scale.ts";
import { layerScale } from "../../src/ops/layer_scale.ts";
import { type Call, checkGolden, checkOp, goldenCases, newTape, placed, sumError } from "./harness.ts";

function call(shape: readonly number[], half = false): Call {
  return {
    shapes: { x: shape, scale: [shape[shape.length - 1]], residual: shape },
    trained: ["scale"],
    halves: half ? ["x", "residual"] : [],
    op: (tape, { x, scale, residual }) => layerScale(tape, { x, scale, residual, name: "scale" }),
  };
}

const cases: [shape: number[], options?: { maxGrid?: number; maxBinding?: number; families?: string[] }][] = [
  [[1, 4]],
  [[3, 5, 7, 12]],
  [[63, 4]],
  [[64, 4]],
  [[65, 4]],
  [[129, 36]],
  [[66 * 128 - 5, 4]], // parts that are joined
  [[4097, 12], { families: ["hardware"] }],
  [[7, 3, 3, 36], { maxGrid: 3 }],
  [[5, 8, 6, 64], { maxBinding: 129 * 64 * 4 }], // pieces of two images and one
];
for (const [shape, options = {}] of cases) {
  Deno.test(`layerScale() matches the reference at [${shape.join(", ")}]`, onGpu, async () => {
    const C = shape.at(-1)!, rows = shape.reduce((a, b) => a * b) / C;
    await checkOp(`layerScale ${shape}`, {
      ...call(shape),
      ...options,
      reference: ({ x, scale, residual }) => reference({ x, scale, residual }, { C }),
      tolerance: { y: 2e-7, dx: 1e-7, dscale: sumError(rows), dresidual: 1e-7 },
    });
  });
}

halfTest("layerScale() matches the reference in float16", async () => {
  for (const shape of [[3, 5, 7, 12], [65, 4], [129, 36]]) {
    const C = shape.at(-1)!, rows = shape.reduce((a, b) => a * b) / C;
    await checkOp(`layerScale ${shape}`, {
      ...call(shape, true),
      reference: ({ x, scale, residual }) => reference({ x, scale, residual }, { C }),
      tolerance: { y: 2e-7, dx: 1e-7, dscale: sumError(rows), dresidual: 1e-7 },
    });
  }
});

for (const golden of goldenCases("layer_scale")) {
  Deno.test(`layerScale() matches PyTorch's ${golden.name}`, onGpu, async () => {
    await checkGolden(golden, { ...call(golden.shapes.x), absolute: 2e-6 });
  });
}

Deno.test("layerScale() rejects wrong shapes", async () => {
  const run = (x: number[], C: number, residual: number[]) => () =>
    layerScale(newTape({}), {
      x: placed("x", x),
      scale: placed("scale", [C]),
      residual: placed("residual", residual),
      name: "scale",
    });
  await assertThrows(
    run([6, 12], 8, [6, 12]),
    TypeError,
    /^Cannot run layerScale: "x" must have 8 channels, a multiple of 4, but its shape is \[6, 12\]$/,
  );
  await assertThrows(
    run([6, 8], 8, [3, 16]),
    TypeError,
    /"residual" must have the shape of the result, \[6, 8\]/,
  );
});
