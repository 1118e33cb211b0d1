import { assertEquals, assertThrows } from "../assert.ts";
import { halfTest, onGpu } from "../gpu/shared.ts";
import { depthwiseConv2d as reference } from "../../src/reference/depthwise_conv2d.ts";
import { depthwiseConv2d } from "../../src/ops/depthwise_conv2d.ts";
import { type Call, checkGolden, checkOp, goldenCases, newTape, placed, sumError } from "./harness.ts";

/** Every variant with the shapes of a software adapter and of a GPU. */
const KERNELS = ["blocked", "tiled", "hardware"];

function call(shape: readonly number[], half = false): Call {
  const C = shape[3];
  return {
    shapes: { x: shape, w: [7, 7, 1, C], bias: [C] },
    trained: ["w", "bias"],
    halves: half ? ["x", "w"] : [],
    families: KERNELS,
    op: (tape, { x, w, bias }) => depthwiseConv2d(tape, { x, w, bias, name: "depthwise" }),
  };
}

interface Case {
  maxGrid?: number;
  maxBinding?: number;
}

// Tiles have 8 × 8 pixels, a workgroup 16 channels forward and 8 in the weights' gradient.
const cases: [N: number, H: number, W: number, C: number, options?: Case][] = [
  [1, 1, 1, 4], // only the middle tap sees anything
  [2, 2, 3, 12],
  [3, 7, 7, 8],
  [1, 8, 8, 16],
  [2, 9, 7, 20], // one row in a second tile
  [1, 5, 17, 28], // three tiles in a row
  [5, 16, 3, 4],
  [2, 11, 13, 36],
  [3, 19, 10, 12, { maxGrid: 7 }], // grids of two dimensions
  [5, 16, 12, 16, { maxBinding: 2 * 16 * 12 * 16 * 4 }], // pieces of two images and one
  [37, 6, 5, 4, { maxBinding: 20 * 6 * 5 * 4 * 4 }], // pieces of sixteen images and five
];

function check([N, H, W, C]: number[], options: Case & { half?: boolean }): Promise<void> {
  return checkOp(`depthwiseConv2d ${[N, H, W, C]}`, {
    ...call([N, H, W, C], options.half),
    ...options,
    regrouped: ["dw", "dbias"],
    reference: ({ x, w, bias }) => reference({ x, w, bias }, { N, H, W, C, R: 7, S: 7 }),
    tolerance: { y: sumError(50), dx: sumError(49), dw: sumError(N * H * W), dbias: sumError(N * H * W) },
  });
}

for (const [N, H, W, C, options = {}] of cases) {
  Deno.test(
    `depthwiseConv2d() matches the reference at [${N}, ${H}, ${W}, ${C}]`,
    onGpu,
    () => check([N, H, W, C], options),
  );
}

halfTest("depthwiseConv2d() matches the reference in float16", async () => {
  await check([2, 9, 7, 20], { half: true });
  await check([1, 5, 17, 28], { half: true, maxGrid: 7 });
  await check([5, 16, 12, 16], { half: true, maxBinding: 2 * 16 * 12 * 16 * 2 });
});

for (const golden of goldenCases("depthwise_conv2d")) {
  Deno.test(`depthwiseConv2d() matches PyTorch's ${golden.name}`, onGpu, async () => {
    await checkGolden(golden, { ...call(golden.shapes.x), absolute: 1e-5 });
  });
}

Deno.test("depthwiseConv2d() sums the weights' gradient in enough parts for a GPU", () => {
  const partsOf = (shape: number[], software: boolean) => {
    const tape = newTape({ software, maxBinding: 2 ** 30 });
    const [, , , C] = shape, weights = [7, 7, 1, C];
    const y = depthwiseConv2d(tape, {
      x: placed("x", shape),
      w: placed("w", weights, placed("dw", weights)),
      bias: placed("bias", [C], placed("dbias", [C])),
      name: "depthwise",
    });
    tape.accumulate(y, placed("dy", shape));
    tape.backward();
    const { params, grid } = tape.dispatches.find(({ kernel }) => kernel.name.includes("weights"))!;
    assertEquals(grid[0] * grid[1], software ? Math.ceil(params.parts * 7 * C / 256) : params.parts * C / 8);
    return params.parts;
  };
  // Tiled on a GPU, blocked on a CPU. The stages of convnext_tiny at 224 px and 64 views: 3136, 1024, 256 and 64 tiles.
  const stages = [[64, 56, 56, 96], [64, 28, 28, 192], [64, 14, 14, 384], [64, 7, 7, 768]];
  assertEquals(stages.map((shape) => partsOf(shape, false)), [85, 43, 22, 11]);
  assertEquals(stages.map((shape) => partsOf(shape, true)), [6, 3, 2, 1]);
});

Deno.test("depthwiseConv2d() rejects wrong shapes", async () => {
  const run = (x: number[], w: number[], bias: number[]) => () =>
    depthwiseConv2d(newTape({}), {
      x: placed("x", x),
      w: placed("w", w),
      bias: placed("bias", bias),
      name: "depthwise",
    });
  await assertThrows(
    run([2, 4, 4, 6], [7, 7, 1, 6], [6]),
    TypeError,
    /^Cannot run depthwiseConv2d: "x" must be \[N, H, W, C\], C a multiple of 4, but its shape is \[2, 4, 4, 6\]$/,
  );
  await assertThrows(
    run([2, 4, 4, 8], [5, 5, 1, 8], [8]),
    TypeError,
    /"w" must be \[7, 7, 1, 8\], but its shape is \[5, 5, 1, 8\]/,
  );
  await assertThrows(run([2, 4, 4, 8], [7, 7, 1, 8], [4]), TypeError, /"bias" must be \[8\]/);
});
