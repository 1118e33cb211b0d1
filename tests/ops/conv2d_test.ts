import { assert, assertEquals, assertThrows } from "../assert.ts";
import { CONVOLUTIONS, halfTest, onGpu, targets } from "../gpu/shared.ts";
import { conv2d as reference } from "../../src/reference/conv2d.ts";
import { outputSize } from "../../src/reference/output_size.ts";
import type { Dispatch } from "../../src/graph/dispatch_list.ts";
import type { ChoosingProfile } from "../../src/graph/kernel_choice.ts";
import { conv2d } from "../../src/ops/conv2d.ts";
import { keyedRandom } from "../../src/base/random.ts";
import { type Call, checkGolden, checkOp, goldenCases, newTape, placed, runOp, sumError } from "./harness.ts";

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
  bias?: boolean;
  half?: boolean;
  maxGrid?: number;
  maxBinding?: number;
}

function call(
  { N, H, W, C, K, R, S, stride, pad, bias, half }:
    & Required<Omit<Sizes, "bias" | "half" | "maxGrid" | "maxBinding">>
    & Pick<Sizes, "bias" | "half">,
): Call {
  return {
    shapes: { x: [N, H, W, C], w: [R, S, C, K], ...bias && { bias: [K] } },
    trained: ["w", "bias"],
    halves: half ? ["x", "w"] : [],
    families: CONVOLUTIONS,
    op: (tape, { x, w, bias }) => conv2d(tape, { x, w, bias, stride, pad, name: "conv" }),
  };
}

function check(given: Sizes): Promise<void> {
  const { maxGrid, maxBinding, half, ...sizes } = {
    N: 1,
    C: 4,
    K: 4,
    R: 3,
    S: given.R ?? 3,
    stride: 1,
    pad: 0,
    bias: false,
    ...given,
  };
  const { N, H, W, C, K, R, S, stride, pad: padding, bias } = sizes;
  const P = outputSize(H, { window: R, stride, padding }), Q = outputSize(W, { window: S, stride, padding });
  return checkOp(`conv2d ${JSON.stringify(sizes)}`, {
    ...call({ ...sizes, half }),
    maxGrid,
    maxBinding,
    regrouped: ["dw", "dbias"],
    reference({ x, w, bias }) {
      const y = reference({ x, w }, { ...sizes, padding });
      return bias ? y.map((sum, i) => sum + bias[i % K]) : y;
    },
    tolerance: {
      y: sumError(R * S * C + Number(bias)),
      dx: sumError(R * S * K),
      dw: sumError(N * P * Q),
      ...bias && { dbias: sumError(N * P * Q) },
    },
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
  "patches with a bias, rows and columns that no patch sees": [
    { N: 2, H: 8, W: 12, R: 4, stride: 4, K: 12, bias: true },
    { N: 3, H: 11, W: 6, R: 4, stride: 4, K: 8, bias: true },
    { N: 2, H: 6, W: 4, R: 2, stride: 2, C: 12, K: 20, bias: true },
    { N: 5, H: 7, W: 9, R: 2, stride: 2, C: 8, K: 36, bias: true },
  ],
  "a bias of many pixels, and of one": [
    { N: 2, H: 67, W: 64, R: 1, K: 8, bias: true },
    { N: 131, H: 1, W: 1, R: 1, C: 8, bias: true },
    { N: 5, H: 16, W: 16, R: 1, C: 8, bias: true, maxBinding: 2 * 256 * 32 }, // pieces of two images and one
  ],
  "stride 3, rows that no window sees": [{ N: 2, H: 7, W: 9, R: 2, stride: 3, C: 8 }],
  "sides shorter than the stride": [{ N: 2, H: 1, W: 5, R: 1, stride: 2 }, {
    N: 3,
    H: 7,
    W: 2,
    stride: 3,
    pad: 1,
    C: 36,
  }],
  "63, 64 and 65 pixels, 60, 64 and 68 channels": [
    { H: 9, W: 7, R: 1, C: 60, K: 64 },
    { H: 8, W: 8, R: 1, C: 64, K: 68 },
    { H: 5, W: 13, R: 1, C: 68, K: 60 },
  ],
  "127, 128 and 129 pixels, 124, 128 and 132 channels": [
    { H: 127, W: 1, R: 1, C: 124, K: 128 },
    { H: 8, W: 16, R: 1, C: 128, K: 132 },
    { H: 3, W: 43, R: 1, C: 132, K: 124 },
  ],
  "12, 16 and 20 channels deep": [
    { H: 3, W: 5, R: 1, C: 12, K: 16 },
    { H: 4, W: 4, R: 1, C: 16, K: 20 },
    { H: 17, W: 1, R: 1, C: 20, K: 12 },
  ],
  "a stage that spans several taps, a tap that spans several stages": [
    { N: 2, H: 5, W: 6, R: 5, S: 3, pad: 2, C: 4, K: 8 },
    { H: 5, W: 4, R: 2, S: 3, pad: 1, C: 44, K: 28 },
    { N: 3, H: 6, W: 5, R: 4, S: 5, stride: 3, pad: 2, C: 8, K: 4 },
  ],
  "sums in several parts": [
    { N: 2, H: 3, W: 2, pad: 1, C: 132, K: 60 },
    { N: 2, H: 5, W: 4, R: 3, stride: 2, pad: 1, C: 60, K: 260 },
    { N: 5, H: 16, W: 13, R: 1, stride: 1, C: 12, K: 8 },
  ],
  "primes": [{ N: 7, H: 13, W: 11, pad: 1, C: 12, K: 20 }],
  "weights in one part and in two": [{ N: 2, H: 16, W: 16, pad: 1 }, { N: 3, H: 19, W: 9, pad: 1, C: 8 }],
  "grids of two dimensions": [
    { H: 33, W: 31, R: 1, maxGrid: 7, C: 8, K: 8 },
    { N: 13, H: 719, W: 1, maxGrid: 18, pad: 1 }, // weights in 19 parts
  ],
  "in pieces of one image and of several, an uneven last one": [
    { N: 3, H: 8, W: 8, C: 4, K: 8, pad: 1, maxBinding: 2048 },
    { N: 7, H: 9, W: 8, C: 8, K: 16, stride: 2, pad: 1, maxBinding: 2 * 2304 },
    { N: 5, H: 4, W: 8, R: 1, C: 64, K: 36, maxBinding: 2 * 8192 },
  ],
  "in pieces, weights in one part and in two of each": [
    { N: 5, H: 20, W: 16, C: 4, K: 8, maxBinding: 2 * 32 * 20 * 16 },
  ],
  "in pieces, images that are aligned by sixteens": [
    { N: 37, H: 5, W: 3, C: 4, K: 12, R: 1, maxBinding: 16 * 48 * 15 },
    { N: 35, H: 7, W: 5, C: 12, K: 4, stride: 3, pad: 1, maxBinding: 20 * 48 * 35 },
  ],
};

for (const [what, group] of Object.entries(cases)) {
  Deno.test(`conv2d() matches the reference: ${what}`, onGpu, async () => {
    for (const sizes of group) await check(sizes);
  });
}

Deno.test("conv2d() matches the reference at random shapes", onGpu, async () => {
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

halfTest("conv2d() matches the reference in float16", async () => {
  const cases: Sizes[] = [
    { H: 1, W: 1, R: 1 },
    { N: 2, H: 7, W: 5, C: 36, K: 28, pad: 1 },
    { N: 3, H: 8, W: 7, C: 12, K: 68, stride: 2, pad: 1, bias: true },
    { N: 2, H: 11, W: 14, R: 7, stride: 2, pad: 3, K: 8 },
    { N: 3, H: 43, W: 1, R: 1, C: 132, K: 124 },
    { N: 2, H: 5, W: 6, R: 1, stride: 2, K: 8 },
    { N: 2, H: 3, W: 2, pad: 1, C: 132, K: 60 }, // in several parts, which are float32
    { N: 37, H: 5, W: 3, C: 4, K: 12, R: 1, maxBinding: 32 * 24 * 15 },
    { N: 5, H: 16, W: 16, R: 1, C: 8, bias: true, maxBinding: 256 * 32 },
  ];
  for (const sizes of cases) await check({ ...sizes, half: true });
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
  Deno.test(`conv2d() matches PyTorch's ${golden.name}`, onGpu, async () => {
    const { sizes, values, expected } = golden, { K, C: from } = sizes;
    const C = Math.ceil(from / 4) * 4;
    const pad = (x: Float32Array, inner: number) => withChannels(x, { from, to: C, inner });
    const padded = { ...golden, values: { x: pad(values.x, 1), w: pad(values.w, K) } };
    // The gradient of the padding's weights is 0, that of the padding itself is of no use: it has weights of 0.
    padded.expected = { ...expected, dx: pad(expected.dx, 1), dw: pad(expected.dw, K) };
    await checkGolden(padded, { ...call({ ...sizes, C, pad: sizes.padding }), absolute: 1e-5 });
  });
}

Deno.test("conv2d() skips the gradients of constants and of untrained weights", async () => {
  for (const target of await targets()) {
    const count = (constant: boolean, trained: boolean) => {
      const tape = newTape(target);
      const x = placed("x", [1, 4, 4, 4]),
        w = placed("w", [3, 3, 4, 4], trained ? placed("dw", [3, 3, 4, 4]) : undefined);
      if (constant) tape.markConstant(x);
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

/** The indices of a tensor of this shape whose coordinates pass `test`. */
function places(shape: number[], test: (...at: number[]) => boolean): number[] {
  return Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => i).filter((i) => {
    const at: number[] = [];
    for (let axis = shape.length - 1, rest = i; axis >= 0; axis--) {
      at.unshift(rest % shape[axis]);
      rest = Math.floor(rest / shape[axis]);
    }
    return test(...at);
  });
}

Deno.test("conv2d() treats everything outside the image as 0", onGpu, async () => {
  const N = 2, H = 5, W = 4, C = 4, K = 4; // the depth of 36 ends amid a stage
  const sizes = { N, H, W, C, K, R: 3, S: 3, stride: 1, pad: 1 };
  const ones = (...shape: number[]) => new Array<number>(shape.reduce((a, b) => a * b)).fill(1);
  /** The first and the last element are NaN: the first is read where an index is clamped to 0. */
  const ends = (values: number[]) => [NaN, ...values.slice(1, -1), NaN];
  const values = { x: ones(N, H, W, C), w: ones(3, 3, C, K) }, dy = ones(N, H, W, K);
  const seen = (n: number, h: number, v: number) =>
    n === 0 && h < 2 && v < 2 || n === 1 && h >= H - 2 && v >= W - 2;
  const taps = (r: number, s: number, c: number) =>
    c === 0 && r < 2 && s < 2 || c === C - 1 && r > 0 && s > 0;
  for (const target of await targets(CONVOLUTIONS)) {
    const inX = await runOp(call(sizes), { values: { ...values, x: ends(values.x) }, dy, target });
    const inDy = await runOp(call(sizes), { values, dy: ends(dy), target });
    const spread = (data: Float32Array) => [...data.keys()].filter((i) => Number.isNaN(data[i]));
    const where = `with ${target.family} kernels`;
    assertEquals(spread(inX.y), places([N, H, W, K], seen), `y ${where}`);
    assertEquals(spread(inX.dw), places([3, 3, C, K], taps), `dw ${where}`);
    assertEquals(spread(inDy.dx), places([N, H, W, C], seen), `dx ${where}`);
  }
});

/** The dispatches of a convolution and its gradients. */
function traced(
  target: Partial<ChoosingProfile>,
  { x, w: shape, stride = 1, pad = 1, type }: {
    x: number[];
    w: number[];
    stride?: number;
    pad?: number;
    type?: "f16" | "f32";
  },
): readonly Dispatch[] {
  const tape = newTape(target), half = { ...placed("half", shape), type };
  const w = { ...placed("w", shape, placed("dw", shape)), half };
  const y = conv2d(tape, { x: { ...placed("x", x), type }, w, stride, pad, name: "conv" });
  tape.accumulate(y, { ...placed("dy", y.shape), type });
  tape.backward();
  return tape.dispatches;
}

Deno.test("conv2d() limits the parts of a product to 16 MiB", async () => {
  const found: Record<string, number> = {};
  for (const target of await targets(CONVOLUTIONS)) {
    const dispatches = traced(target, { x: [64, 32, 32, 256], w: [3, 3, 256, 256] });
    const { params, grid } = dispatches.find(({ kernel }) =>
      kernel.name.startsWith("conv2d_backward_weights")
    )!;
    assert(grid[0] * grid[1] * grid[2] >= params.parts);
    found[target.family] = params.parts;
  }
  // 128 parts of 512 pixels would be 288 MiB. Small tiles have enough workgroups with 4.
  const expected = { blocked: 7, "tiled-128x128": 7, "tiled-64x64": 4 };
  for (const [family, parts] of Object.entries(found)) {
    const key = family.startsWith("subgroup8") ? "blocked" : family.replace(" split", "");
    assertEquals(parts, expected[key as keyof typeof expected], family);
  }
});

Deno.test("candidates() prefers tiled kernels on a GPU, split where tiles are few and sums long", () => {
  const names = (sizes: Parameters<typeof traced>[1]) =>
    traced({ software: false }, sizes).map(({ kernel, params, grid }) =>
      `${kernel.name} ${params.parts} ${grid.join("×")}`
    );
  // Many large tiles.
  assertEquals(names({ x: [512, 16, 16, 128], w: [3, 3, 128, 128] }), [
    "conv2d_tiled 1 1024×1×1",
    "conv2d_backward_weights_tiled 28 252×1×1",
    "sum_parts 28 576×1×1",
    "conv2d_backward_data_tiled 1 1024×1×1",
  ]);
  // Too few channels for large tiles.
  assertEquals(names({ x: [512, 32, 32, 64], w: [3, 3, 64, 64] }), [
    "conv2d_tiled_small 1 8192×1×1",
    "conv2d_backward_weights_tiled_small 57 513×1×1",
    "sum_parts 57 144×1×1",
    "conv2d_backward_data_tiled_small 1 8192×1×1",
  ]);
  // Few tiles and long sums; with a stride of 2, each class of pixels has tiles of its own.
  assertEquals(names({ x: [32, 8, 8, 256], w: [3, 3, 256, 512], stride: 2 }), [
    "conv2d_tiled_small 8 512×1×1",
    "sum_parts 8 1024×1×1",
    "conv2d_backward_weights_tiled 2 144×1×1",
    "sum_parts 2 4608×1×1",
    "conv2d_backward_data_tiled_small 4 128×1×4",
    "sum_parts 4 2048×1×1",
  ]);
});

Deno.test("candidates() prefers matrix units for float16, the largest tiles that give a GPU work", () => {
  const units = [{ m: 16, n: 16, k: 16 }, { m: 16, n: 8, k: 8 }];
  const names = (sizes: Parameters<typeof traced>[1], type: "f16" | "f32" = "f16") => {
    const target = { software: false, matrixUnits: { units, subgroupSize: 32, workgroupMemory: 2 ** 16 } };
    return traced(target, { ...sizes, type }).filter(({ flops }) => flops > 0).map((
      { kernel, params, constants },
    ) => `${kernel.name} ${params.parts} ${constants.SUBGROUP_SIZE}`);
  };
  assertEquals(names({ x: [512, 16, 16, 128], w: [3, 3, 128, 128] }), [
    "conv2d_matrix_16x16x16-2x2_f16 1 32",
    "conv2d_backward_weights_matrix_16x16x16-2x2_f16 28 32",
    "conv2d_backward_data_matrix_16x16x16-2x2_f16 1 32",
  ]);
  // Half of a tile of 128 channels would be idle.
  assertEquals(names({ x: [512, 32, 32, 64], w: [3, 3, 64, 64] })[0], "conv2d_matrix_16x16x16-2x1_f16 1 32");
  // Few tiles: sums in parts, which are float32.
  assertEquals(
    names({ x: [32, 8, 8, 256], w: [3, 3, 256, 512], stride: 2 })[0],
    "conv2d_matrix_16x16x16-2x2_f16_stored 9 32",
  );
  assertEquals(names({ x: [512, 16, 16, 128], w: [3, 3, 128, 128] }, "f32")[0], "conv2d_tiled 1 undefined");
});

Deno.test("conv2d() rejects wrong shapes", async () => {
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
    /^Cannot run conv2d: "x" must be \[N, H, W, C\] with 64 channels, a multiple of 4, but its shape is \[8, 32, 32, 32\]$/,
  );
  await assertThrows(run([1, 4, 4, 3], [3, 3, 3, 4]), TypeError, /"x" must .* a multiple of 4/);
  await assertThrows(run([4, 4], [1, 1, 4, 4]), TypeError, /"x" must be \[N, H, W, C\]/);
  await assertThrows(
    run([1, 4, 4, 4], [1, 1, 4, 6]),
    TypeError,
    /"w" must have a multiple of 4 filters, but its shape/,
  );
  await assertThrows(
    run([1, 4, 4, 4], [7, 7, 4, 4], 1),
    TypeError,
    /"x" must be at least 7 × 7 pixels with padding 1/,
  );
});
