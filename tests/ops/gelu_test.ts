import { assertClose, assertThrows } from "../assert.ts";
import { halfTest, onGpu, targets } from "../gpu/shared.ts";
import { gelu as reference } from "../../src/reference/gelu.ts";
import { gelu } from "../../src/ops/gelu.ts";
import { type Call, checkGolden, checkOp, goldenCases, newTape, placed, runOp } from "./harness.ts";

function call(shape: readonly number[], half = false): Call {
  return {
    shapes: { x: shape },
    halves: half ? ["x"] : [],
    op: (tape, { x }) => gelu(tape, { x, name: "gelu" }),
  };
}

// An invocation has 4 elements, a workgroup 64 invocations.
const cases: [shape: number[], options?: { maxGrid?: number; maxBinding?: number }][] = [
  [[1, 4]],
  [[3, 5, 7, 12]],
  [[63, 4]],
  [[64, 4]],
  [[65, 4]],
  [[7, 3, 3, 36], { maxGrid: 3 }],
  [[5, 4, 3, 64], { maxBinding: 2 * 4 * 3 * 64 * 4 }],
];
for (const [shape, options = {}] of cases) {
  Deno.test(`gelu() matches the reference at [${shape.join(", ")}]`, onGpu, async () => {
    await checkOp(`gelu ${shape}`, {
      ...call(shape),
      ...options,
      reference: ({ x }) => reference(x),
      tolerance: { y: 3e-7, dx: 5e-7 },
    });
  });
}

Deno.test("gelu() is right from −20 to 20, in the tails too", onGpu, async () => {
  const x = Float32Array.from({ length: 4096 }, (_, i) => (i - 2048) * 20 / 2048);
  const expected = reference(x);
  for (const target of await targets()) {
    const { y } = await runOp(call([x.length / 4, 4]), { values: { x }, target });
    assertClose("y", y, expected, { absolute: 3e-7, relative: 2e-7 });
  }
});

halfTest("gelu() matches the reference in float16", async () => {
  for (const [shape, { maxBinding, ...options } = {}] of cases.slice(1)) {
    await checkOp(`gelu ${shape}`, {
      ...call(shape, true),
      ...options,
      maxBinding: maxBinding && maxBinding / 2,
      reference: ({ x }) => reference(x),
      tolerance: { y: 3e-7, dx: 5e-7 },
    });
  }
});

for (const golden of goldenCases("gelu")) {
  Deno.test(`gelu() matches PyTorch's ${golden.name}`, onGpu, async () => {
    await checkGolden(golden, { ...call(golden.shapes.x), absolute: 5e-7 });
  });
}

Deno.test("gelu() rejects wrong shapes", async () => {
  await assertThrows(
    () => gelu(newTape({}), { x: placed("x", [2, 6]), name: "gelu" }),
    TypeError,
    /^Cannot run gelu: "x" must have a multiple of 4 elements per row, but its shape is \[2, 6\]$/,
  );
});
