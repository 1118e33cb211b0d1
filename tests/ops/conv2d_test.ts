import { assert, assertEquals, assertThrows } from "../assert.ts";
import { onGpu, targets } from "../gpu/shared.ts";
import { conv2d as reference } from "../reference/conv2d.ts";
import { outputSize } from "../reference/output_size.ts";
import { conv2d } from "../../src/ops/conv2d.ts";
import { keyedRandom } from "../../src/random.ts";
import { type Call, checkGolden, checkOp, goldenCases, newTape, placed, sumError } from "./harness.ts";

interface Sizes {
  N?: number;
  H: number;
  W: number;
  C?: number;
  K?: number;
  R?: number;
  S?: number;
  stride?: number;
  pad?: number;
  maxGrid?: number;
}

function call({ N, H, W, C, K, R, S, stride, pad }: Required<Omit<Sizes, "maxGrid">>): Call {
  return {
    shapes: { x: [N, H, W, C], w: [R, S, C, K] },
    trained: ["w"],
    op: (tape, { x, w }) => conv2d(tape, { x, w, stride, pad, name: "conv" }),
  };
}

function check(given: Sizes): Promise<void> {
  const { maxGrid, ...sizes } = { N: 1, C: 4, K: 4, R: 3, S: given.R ?? 3, stride: 1, pad: 0, ...given };
  const { N, H, W, C, K, R, S, stride, pad: padding } = sizes;
  const P = outputSize(H, { window: R, stride, padding }), Q = outputSize(W, { window: S, stride, padding });
  return checkOp(`conv2d ${JSON.stringify(sizes)}`, {
    ...call(sizes),
    maxGrid,
    reference: (values) => reference(values as { x: number[]; w: number[] }, { ...sizes, padding }),
    tolerance: { y: sumError(R * S * C), dx: sumError(R * S * K), dw: sumError(N * P * Q) },
  });
}

const cases: Record<string, Sizes[]> = {
  "one pixel": [{ H: 1, W: 1, R: 1 }, { H: 1, W: 1, pad: 1 }, { H: 3, W: 3 }],
  "31, 32 and 33 pixels": [{ H: 31, W: 1, R: 1 }, { H: 4, W: 8, R: 1 }, { H: 3, W: 11, R: 1 }],
  "28, 32 and 36 channels": [
    { H: 3, W: 5, C: 28, K: 36, pad: 1 },
    { H: 5, W: 3, C: 32, K: 28, pad: 1 },
    { N: 2, H: 3, W: 3, C: 36, K: 32, pad: 1 },
  ],
  "several z tiles": [{ H: 2, W: 3, R: 1, C: 68, K: 100 }],
  "stride 2, odd and even": [
    { N: 2, H: 7, W: 8, stride: 2, pad: 1, K: 8 },
    { N: 2, H: 8, W: 7, stride: 2, pad: 1, C: 8 },
    { N: 3, H: 7, W: 6, stride: 2, C: 8, K: 12 },
  ],
  "1 × 1 with stride 2": [{ N: 2, H: 5, W: 6, R: 1, stride: 2, K: 8 }, { H: 6, W: 5, R: 1, stride: 2, C: 8 }],
  "7 × 7 with stride 2": [{ N: 2, H: 11, W: 14, R: 7, stride: 2, pad: 3, K: 8 }],
  "windows that are not square": [{ N: 2, H: 5, W: 7, R: 2, S: 5, pad: 1, C: 8 }, {
    H: 4,
    W: 9,
    R: 1,
    S: 3,
    K: 8,
  }],
  "stride 3, rows that no window sees": [{ N: 2, H: 7, W: 9, R: 2, stride: 3, C: 8 }],
  "sides shorter than the stride": [{ N: 2, H: 1, W: 5, R: 1, stride: 2 }, {
    N: 3,
    H: 7,
    W: 2,
    stride: 3,
    pad: 1,
    C: 36,
  }],
  "primes": [{ N: 7, H: 13, W: 11, pad: 1, C: 12, K: 20 }],
  "weights in one part and in two": [{ N: 2, H: 16, W: 16, pad: 1 }, { N: 3, H: 19, W: 9, pad: 1, C: 8 }],
  "grids of two dimensions": [
    { H: 33, W: 31, R: 1, maxGrid: 7, C: 8, K: 8 },
    { N: 13, H: 719, W: 1, maxGrid: 18, pad: 1 }, // weights in 19 parts
  ],
};

for (const [what, group] of Object.entries(cases)) {
  Deno.test(`conv2d: ${what}`, onGpu, async () => {
    for (const sizes of group) await check(sizes);
  });
}

Deno.test("conv2d: random shapes", onGpu, async () => {
  const random = keyedRandom(20);
  for (let i = 0; i < 8; i++) {
    const R = 1 + random.integer(4), S = 1 + random.integer(4);
    await check({
      N: 1 + random.integer(4),
      H: 4 + random.integer(7),
      W: 4 + random.integer(7),
      C: 4 + 4 * random.integer(10),
      K: 4 + 4 * random.integer(10),
      R,
      S,
      stride: 1 + random.integer(3),
      pad: random.integer(Math.max(R, S)),
    });
  }
});

/** `values` with the axis of `from` channels, each of `inner` elements, cut or filled with zeros to `to`. */
function withChannels(
  values: Float32Array,
  { from, to, inner }: { from: number; to: number; inner: number },
): Float32Array {
  const result = new Float32Array(values.length / from * to), shared = Math.min(from, to) * inner;
  for (let i = 0; i < values.length / (from * inner); i++) {
    result.set(values.subarray(i * from * inner, i * from * inner + shared), i * to * inner);
  }
  return result;
}

for (const golden of goldenCases("conv2d")) {
  Deno.test(`conv2d: PyTorch's ${golden.name}`, onGpu, async () => {
    const { sizes, values, expected } = golden, { K, C: from } = sizes;
    const C = Math.ceil(from / 4) * 4;
    const pad = (x: Float32Array, inner: number) => withChannels(x, { from, to: C, inner });
    const padded = { ...golden, values: { x: pad(values.x, 1), w: pad(values.w, K) } };
    // The gradient of the padding's weights is 0, that of the padding itself is of no use: it has weights of 0.
    padded.expected = { ...expected, dx: pad(expected.dx, 1), dw: pad(expected.dw, K) };
    await checkGolden(padded, { ...call({ ...sizes, C, pad: sizes.padding }), absolute: 1e-5 });
  });
}

Deno.test("conv2d: the input's gradient is left out for constants, the weights' for what is not trained", async () => {
  for (const target of await targets()) {
    const count = (constant: boolean, trained: boolean) => {
      const tape = newTape(target);
      const x = placed("x", [1, 4, 4, 4]),
        w = placed("w", [3, 3, 4, 4], trained ? placed("dw", [3, 3, 4, 4]) : undefined);
      if (constant) tape.constant(x);
      const y = conv2d(tape, { x, w, stride: 1, pad: 1, name: "conv" });
      tape.accumulate(y, placed("dy", y.shape));
      tape.backward();
      return tape.dispatches.length;
    };
    assertEquals([count(false, true), count(true, true), count(false, false), count(true, false)], [
      3,
      2,
      2,
      1,
    ]);
  }
});

Deno.test("conv2d: parts of the weights' gradient take at most 16 MiB", async () => {
  for (const target of await targets()) {
    const tape = newTape(target), shape = [3, 3, 256, 256];
    const x = placed("x", [64, 32, 32, 256]), w = placed("w", shape, placed("dw", shape));
    const y = conv2d(tape, { x, w, stride: 1, pad: 1, name: "conv" });
    tape.accumulate(y, placed("dy", y.shape));
    tape.backward();
    const { params, grid } = tape.dispatches.find(({ kernel }) =>
      kernel.name.startsWith("conv2d_backward_weights")
    )!;
    assertEquals(params.parts, 7); // 128 parts of 512 pixels would be 288 MiB
    assert(grid[0] * grid[1] >= 7);
  }
});

Deno.test("conv2d: wrong shapes are refused", async () => {
  const run = (x: number[], w: number[], pad = 0) => () =>
    conv2d(newTape({ maxGrid: 7 }), {
      x: placed("x", x),
      w: placed("w", w),
      stride: 1,
      pad,
      name: "conv",
    });
  await assertThrows(
    run([8, 32, 32, 32], [3, 3, 64, 4]),
    TypeError,
    /^Cannot run conv2d as x must be \[N, H, W, C\] with 64 channels, a multiple of 4: current shape is \[8, 32, 32, 32\]$/,
  );
  await assertThrows(run([1, 4, 4, 3], [3, 3, 3, 4]), TypeError, /x must .* a multiple of 4/);
  await assertThrows(run([4, 4], [1, 1, 4, 4]), TypeError, /x must be \[N, H, W, C\]/);
  await assertThrows(
    run([1, 4, 4, 4], [1, 1, 4, 6]),
    TypeError,
    /w must have a multiple of 4 filters: current shape/,
  );
  await assertThrows(
    run([1, 4, 4, 4], [7, 7, 4, 4], 1),
    TypeError,
    /x must be at least 7 × 7 pixels with padding 1/,
  );
});
