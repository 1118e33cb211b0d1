import { assertEquals, assertThrows } from "../assert.ts";
import { CONVOLUTIONS, halfTest, onGpu, targets } from "../gpu/shared.ts";
import { linear as reference } from "../../src/reference/linear.ts";
import { linear } from "../../src/ops/linear.ts";
import { type Call, checkGolden, checkOp, goldenCases, newTape, placed, sumError } from "./harness.ts";

interface Sizes {
  M: number;
  C: number;
  K: number;
  bias: boolean;
  half?: boolean;
  maxGrid?: number;
  maxBinding?: number;
  families?: readonly string[];
}

function call({ M, C, K, bias, half, families = CONVOLUTIONS }: Sizes): Call {
  return {
    shapes: { x: [M, C], w: [1, 1, C, K], ...bias && { b: [K] } },
    trained: ["w", "b"],
    halves: half ? ["x", "w"] : [],
    families,
    op: (tape, { x, w, b }) => linear(tape, { x, w, b, name: "linear" }),
  };
}

const cases: Sizes[] = [
  { M: 1, C: 4, K: 4, bias: true },
  { M: 31, C: 20, K: 36, bias: false },
  { M: 63, C: 28, K: 4, bias: true },
  { M: 64, C: 32, K: 32, bias: true },
  { M: 65, C: 36, K: 28, bias: true },
  { M: 513, C: 4, K: 12, bias: true }, // weights in two parts
  { M: 97, C: 8, K: 76, bias: true, maxGrid: 7 }, // bias on a grid of two dimensions
  { M: 3, C: 4, K: 1796, bias: true, maxGrid: 57 }, // bias's gradient on a grid of two dimensions
  { M: 7, C: 100, K: 132, bias: false, maxGrid: 6 }, // weights' gradient on a grid of two dimensions
  { M: 83, C: 20, K: 12, bias: true, maxBinding: 20 * 80 }, // pieces of 16 rows
  { M: 101, C: 32, K: 16, bias: true, maxBinding: 9 * 256 }, // of 16 rows, of 36 where only y counts
];

function check(sizes: Sizes): Promise<void> {
  const { M, C, K, bias, maxGrid, maxBinding } = sizes;
  return checkOp(`linear ${JSON.stringify(sizes)}`, {
    ...call(sizes),
    maxGrid,
    maxBinding,
    regrouped: ["dw"],
    reference: ({ x, w, b }) => reference({ x, w, b }, { N: M, inputs: C, outputs: K }),
    tolerance: {
      y: sumError(C + 1),
      dx: sumError(K),
      dw: sumError(M),
      ...bias && { db: sumError(M) },
    },
  });
}

for (const sizes of cases) {
  const { M, C, K, bias, maxBinding } = sizes;
  Deno.test(
    `linear: [${M}, ${C}] to ${K}${bias ? " with bias" : ""}${maxBinding ? " in pieces" : ""}`,
    onGpu,
    () => check(sizes),
  );
}

// The other kernels, which conv2d()'s tests try too, are slow to compile.
halfTest("linear() matches the reference in float16", async () => {
  for (const sizes of [cases[1], cases[4], cases[6], cases[10]]) {
    await check({ ...sizes, half: true, families: ["subgroup8", "blocked"] });
  }
});

for (const golden of goldenCases("linear")) {
  Deno.test(`linear() matches PyTorch's ${golden.name}`, onGpu, async () => {
    const { N: M, inputs: C, outputs: K } = golden.sizes;
    await checkGolden(golden, { ...call({ M, C, K, bias: "b" in golden.shapes }), absolute: 2e-6 });
  });
}

Deno.test("linear() finds a grid for every product of 8192 × 8192 channels", async () => {
  for (const target of await targets(CONVOLUTIONS)) {
    const tape = newTape(target), shape = [1, 1, 8192, 8192];
    const y = linear(tape, {
      x: placed("x", [64, 8192]),
      w: placed("w", shape, placed("dw", shape)),
      name: "wide",
    });
    tape.accumulate(y, placed("dy", y.shape));
    tape.backward();
    const products = tape.dispatches.filter(({ kernel }) => kernel.name.startsWith("conv2d"));
    assertEquals(products.length, 3, target.family);
  }
});

Deno.test("linear() rejects wrong shapes", async () => {
  const run = (x: number[]) => () =>
    linear(newTape({ maxGrid: 7 }), {
      x: placed("x", x),
      w: placed("w", [1, 1, 8, 4]),
      name: "linear",
    });
  await assertThrows(
    run([2, 1, 8]),
    TypeError,
    /^Cannot run linear: "x" must be \[M, C\] or \[N, H, W, C\], but its shape is \[2, 1, 8\]$/,
  );
  await assertThrows(
    run([2, 12]),
    TypeError,
    /"x" must be .* with 8 channels, .* but its shape is \[2, 1, 1, 12\]/,
  );
});
