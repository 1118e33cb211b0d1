import { assertEquals, assertThrows } from "../assert.ts";
import { halfTest, onGpu, targets } from "../gpu/shared.ts";
import { maxPool as reference, type MaxPoolSizes } from "../../src/reference/max_pool.ts";
import { maxPool } from "../../src/ops/max_pool.ts";
import { keyedRandom } from "../../src/base/random.ts";
import { type Call, checkGolden, checkOp, goldenCases, newTape, placed, runOp } from "./harness.ts";

function call({ N, H, W, C, window, stride, padding: pad }: MaxPoolSizes, half = false): Call {
  return {
    shapes: { x: [N, H, W, C] },
    halves: half ? ["x"] : [],
    op: (tape, { x }) => maxPool(tape, { x, window, stride, pad, name: "pool" }),
  };
}

type Case = Partial<MaxPoolSizes> & { maxGrid?: number; maxBinding?: number; half?: boolean };

async function check({ maxGrid, maxBinding, half, ...given }: Case): Promise<void> {
  const sizes = { N: 1, H: 1, W: 1, C: 4, window: 3, stride: 2, padding: 1, ...given };
  const windows = Math.ceil(sizes.window / sizes.stride) ** 2;
  await checkOp(`maxPool ${JSON.stringify(sizes)}`, {
    ...call(sizes, half),
    maxGrid,
    maxBinding,
    reference: ({ x }) => reference(x, sizes),
    // A maximum is exact; a gradient is the sum of those of the windows.
    tolerance: { y: 0, dx: windows * 2 ** -23 },
  });
}

const cases: Record<string, Case[]> = {
  "one pixel": [{}, { window: 1, stride: 1, padding: 0 }],
  "odd and even sizes": [{ N: 2, H: 7, W: 6, C: 8 }, { N: 3, H: 8, W: 5, C: 12 }],
  "63, 64 and 65 invocations": [7, 8, 13].map((H) => ({ H, W: H === 7 ? 9 : H === 8 ? 8 : 5, stride: 1 })),
  "windows that overlap, touch or leave gaps": [
    { H: 9, W: 7, C: 8, stride: 1 },
    { H: 8, W: 10, window: 2, padding: 0 },
    { H: 11, W: 8, window: 2, stride: 3, padding: 0 },
  ],
  "grids of two dimensions": [{ N: 3, H: 23, W: 19, C: 28, maxGrid: 12 }, {
    N: 2,
    H: 29,
    W: 31,
    C: 4,
    maxGrid: 6,
  }],
  "in pieces: of one image, of several, an uneven last one": [
    { N: 3, H: 8, W: 8, C: 8, maxBinding: 2048 },
    { N: 7, H: 8, W: 8, C: 8, maxBinding: 5000 },
    { N: 37, H: 3, W: 5, C: 4, maxBinding: 16 * 240 }, // images that are aligned by sixteens
    { N: 19, H: 5, W: 3, C: 12, window: 2, stride: 1, padding: 1, maxBinding: 16 * 1152 },
  ],
};

for (const [what, group] of Object.entries(cases)) {
  Deno.test(`maxPool() matches the reference: ${what}`, onGpu, async () => {
    for (const sizes of group) await check(sizes);
  });
}

Deno.test("maxPool() matches the reference at random shapes", onGpu, async () => {
  const random = keyedRandom(30);
  for (let i = 0; i < 6; i++) {
    const window = 1 + random.integer(4);
    await check({
      N: 1 + random.integer(4),
      H: 4 + random.integer(8),
      W: 4 + random.integer(8),
      C: 4 + 4 * random.integer(9),
      window,
      stride: 1 + random.integer(3),
      padding: random.integer(Math.floor(window / 2) + 1),
    });
  }
});

halfTest("maxPool() matches the reference in float16", async () => {
  await check({ N: 2, H: 7, W: 6, C: 8, half: true });
  await check({ H: 9, W: 7, C: 12, stride: 1, half: true });
  await check({ N: 37, H: 3, W: 5, C: 4, maxBinding: 32 * 120, half: true });
});

Deno.test("maxPool() gives the gradient to the first of equal values, never to padding", onGpu, async () => {
  const sizes = { N: 1, H: 4, W: 4, C: 4, window: 3, stride: 2, padding: 1 };
  const values = { x: new Float32Array(64).fill(-1) }, dy = [1, 2, 4, 8].flatMap((v) => [v, v, v, v]);
  for (const target of await targets()) {
    const { y, dx } = await runOp(call(sizes), { values, dy, target });
    assertEquals([...y], Array(16).fill(-1));
    // The windows begin at (−1, −1), (−1, 1), (1, −1) and (1, 1).
    const first = Array.from({ length: 16 }, (_, i) => dx[4 * i]);
    assertEquals(first, [1, 2, 0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  }
});

Deno.test("maxPool() passes NaN on", onGpu, async () => {
  const sizes = { N: 1, H: 3, W: 3, C: 4, window: 3, stride: 2, padding: 1 };
  const values = { x: Float32Array.from({ length: 36 }, (_, i) => i % 4 === 1 ? NaN : i) };
  for (const target of await targets()) {
    const { y } = await runOp(call(sizes), { values, target });
    assertEquals(Array.from(y, Number.isNaN), Array.from(y, (_, i) => i % 4 === 1));
  }
});

for (const golden of goldenCases("max_pool")) {
  Deno.test(`maxPool() matches PyTorch's ${golden.name}`, onGpu, async () => {
    await checkGolden(golden, { ...call(golden.sizes), absolute: 5e-7 });
  });
}

Deno.test("maxPool() rejects wrong shapes", async () => {
  const run = (x: number[]) => () =>
    maxPool(newTape({ maxGrid: 7 }), {
      x: placed("x", x),
      window: 3,
      stride: 2,
      pad: 1,
      name: "pool",
    });
  await assertThrows(
    run([2, 4, 4, 3]),
    TypeError,
    /^Cannot run maxPool: "x" must be \[N, H, W, C\], C a multiple of 4, but its shape is \[2, 4, 4, 3\]$/,
  );
  await assertThrows(run([4, 4]), TypeError, /"x" must be \[N, H, W, C\]/);
});
