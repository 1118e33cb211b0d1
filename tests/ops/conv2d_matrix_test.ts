/** The convolution's kernels for matrix units, bound to buffers of f16: `deno task test:matrix`. */
import { assertClose } from "../assert.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";
import { keyedRandom } from "../../src/base/random.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { type ElementType, type Kernel, packParams, pipelineOf, typedKernel } from "../../src/gpu/kernel.ts";
import type { Product } from "../../src/ops/conv2d_geometry.ts";
import { type MatrixTiles, matrixTiles } from "../../src/ops/conv2d_matrix.ts";
import { sumError } from "../../src/reference/compare.ts";
import { conv2d, conv2dGradients, type Conv2dSizes } from "../../src/reference/conv2d.ts";
import { outputSize } from "../../src/reference/output_size.ts";
import { conv2d as op } from "../../src/ops/conv2d.ts";
import { checkOp } from "./harness.ts";

const gpu = await sharedGpu();
const { matrixUnits } = gpu;
if (!matrixUnits) console.log(`skipped: ${gpu.description} has no matrix units`);
const options = { ...onGpu, ignore: matrixUnits === null };

type Values = Record<string, Float16Array<ArrayBuffer>>;

const RESULT = { forward: "y", backwardData: "dx", backwardWeights: "dw" } as const;

/** Values in [−1, 1), rounded to f16. */
function draw(size: number, seed: number): Float16Array<ArrayBuffer> {
  const random = keyedRandom(seed);
  return Float16Array.from({ length: size }, () => 2 * random.uniform() - 1);
}

/** The operands of a convolution, and by name what its products are. */
function example({ N, H, W, C, K, R, S, stride, padding }: Conv2dSizes) {
  const P = outputSize(H, { window: R, stride, padding }), Q = outputSize(W, { window: S, stride, padding });
  const values: Values = {
    x: draw(N * H * W * C, 1),
    w: draw(R * S * C * K, 2),
    dy: draw(N * P * Q * K, 3),
  };
  const sizes = { N, H, W, C, K, R, S, stride, padding };
  const expected = {
    y: conv2d({ x: values.x, w: values.w }, sizes),
    ...conv2dGradients(values as never, sizes),
  };
  const rows = {
    forward: { n: N * P * Q, columns: K, depth: R * S * C, z: 1 },
    backwardData: {
      n: N * Math.ceil(H / stride) * Math.ceil(W / stride),
      columns: C,
      depth: Math.ceil(R / stride) * Math.ceil(S / stride) * K,
      z: stride * stride,
    },
    backwardWeights: { n: R * S * C, columns: K, depth: N * P * Q, z: 1 },
  };
  const params = { N, H, W, C, P, Q, K, R, S, stride, pad: padding };
  return { values, expected, rows, params };
}

/** Runs a product; the result starts as NaN. Returns the parts of it, one after the other. */
async function compute(
  gpu: Gpu,
  { kernel, constants, grid, params, values, size, stored }: {
    kernel: Kernel;
    constants: Record<string, number>;
    grid: [number, number, number];
    params: Record<string, number>;
    values: Record<string, ArrayBufferView<ArrayBuffer>>;
    size: number;
    stored: ElementType;
  },
): Promise<Float16Array | Float32Array> {
  const { device } = gpu;
  const buffers: GPUBuffer[] = [];
  const bufferOf = (data: ArrayBufferView<ArrayBuffer>, usage: number) => {
    const bytes = new Uint8Array(Math.ceil(data.byteLength / 16) * 16);
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    const buffer = device.createBuffer({ size: bytes.byteLength, usage: usage | GPUBufferUsage.COPY_DST });
    device.queue.writeBuffer(buffer, 0, bytes);
    buffers.push(buffer);
    return buffer;
  };
  const empty = stored === "f16" ? new Float16Array(size).fill(NaN) : new Float32Array(size).fill(NaN);
  const made = bufferOf(empty, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC);
  const bound = Object.entries(kernel.bindings).map(([name, access]) =>
    access === "read_write" ? made : bufferOf(values[name], GPUBufferUsage.STORAGE)
  );
  bound.push(bufferOf(packParams(kernel, params), GPUBufferUsage.UNIFORM));
  const pipeline = pipelineOf(gpu, { kernel, constants });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: bound.map((buffer, binding) => ({ binding, resource: { buffer } })),
    }),
  );
  pass.dispatchWorkgroups(...grid);
  pass.end();
  const staging = device.createBuffer({
    size: made.size,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  encoder.copyBufferToBuffer(made, 0, staging, 0, made.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  gpu.check();
  const bytes = staging.getMappedRange().slice(0);
  for (const buffer of [...buffers, staging]) buffer.destroy();
  return stored === "f16" ? new Float16Array(bytes, 0, size) : new Float32Array(bytes, 0, size);
}

/** Holds the three products of a convolution with these tiles against the reference, in one part and in several. */
async function check(
  tiles: MatrixTiles,
  sizes: Conv2dSizes,
  { parts = 1, bias = false } = {},
): Promise<void> {
  const { values, expected, rows, params } = example(sizes);
  for (const product of ["forward", "backwardData", "backwardWeights"] as const satisfies Product[]) {
    const { n, columns, depth, z } = rows[product], name = RESULT[product];
    const stored = product === "backwardWeights" || parts > 1 ? "f32" : "f16";
    const biased = bias && product === "forward";
    const biases = Float32Array.from(draw(sizes.K, 4));
    const whole = biased ? expected.y.map((sum, i) => sum + biases[i % sizes.K]) : expected[name];
    const tilesOfPart = Math.ceil(n / tiles.rows) * Math.ceil(columns / tiles.columns);
    const result = await compute(gpu, {
      kernel: typedKernel(tiles.kernels[product], { x: "f16", w: "f16", dy: "f16", y: stored, dx: stored }),
      constants: { ...tiles.constants, ...product === "forward" && { BIAS: Number(bias) } },
      // Grids of two dimensions, with workgroups that have nothing to do.
      grid: [3, Math.ceil(tilesOfPart * parts / 3), z],
      params: { ...params, parts },
      values: { ...values, bias: bias ? biases : values.w },
      size: parts * whole.length,
      stored,
    });
    const total = whole.map((_, i) => {
      let sum = 0;
      for (let part = 0; part < parts; part++) sum += result[part * whole.length + i];
      return sum;
    });
    const what = `${name} of ${JSON.stringify(sizes)} with ${tiles.name}, ${parts} parts`;
    // A product of two f16 is exact in f32; the sum is rounded to 11 bits if it is stored as f16.
    const relative = stored === "f16" ? 2 ** -11 : 0;
    assertClose(what, total, whole, { absolute: sumError(depth + Number(biased)), relative });
  }
}

const DEFAULTS = { N: 1, C: 4, K: 4, R: 3, stride: 1, padding: 0 };

function sizesOf(given: Partial<Conv2dSizes> & { H: number; W: number }): Conv2dSizes {
  return { ...DEFAULTS, S: given.R ?? DEFAULTS.R, ...given };
}

const cases: Record<string, Conv2dSizes[]> = {
  "one pixel": [sizesOf({ H: 1, W: 1, R: 1 }), sizesOf({ H: 3, W: 3 }), sizesOf({ H: 1, W: 1, padding: 1 })],
  "63, 64 and 65 pixels, 60, 64 and 68 channels": [
    sizesOf({ H: 9, W: 7, R: 1, C: 60, K: 64 }),
    sizesOf({ H: 8, W: 8, R: 1, C: 64, K: 68 }),
    sizesOf({ H: 5, W: 13, R: 1, C: 68, K: 60 }),
  ],
  "127 and 129 pixels, 28, 32 and 36 channels": [
    sizesOf({ H: 127, W: 1, R: 1, C: 28, K: 32 }),
    sizesOf({ H: 3, W: 43, R: 1, C: 36, K: 132 }),
  ],
  "3 × 3 with padding, strides 1 and 2": [
    sizesOf({ N: 2, H: 7, W: 8, C: 12, K: 20, padding: 1 }),
    sizesOf({ N: 3, H: 7, W: 8, C: 8, K: 36, stride: 2, padding: 1 }),
    sizesOf({ N: 2, H: 8, W: 7, C: 36, K: 8, stride: 2, padding: 1 }),
  ],
  "1 × 1 with stride 2": [sizesOf({ N: 2, H: 5, W: 6, R: 1, stride: 2, K: 8 })],
  "7 × 7 with stride 2": [sizesOf({ N: 2, H: 11, W: 14, R: 7, stride: 2, padding: 3, K: 8 })],
  "windows that are not square, stride 3, sides shorter than the stride": [
    sizesOf({ N: 2, H: 5, W: 7, R: 2, S: 5, padding: 1, C: 8 }),
    sizesOf({ N: 3, H: 7, W: 2, stride: 3, padding: 1, C: 36 }),
  ],
};

for (const [what, group] of Object.entries(cases)) {
  Deno.test(`conv2d's kernels for matrix units match the reference: ${what}`, options, async () => {
    for (const tiles of matrixTiles(matrixUnits!)) {
      for (const sizes of group) await check(tiles, sizes);
    }
  });
}

/** Units of any product, made of those for 8 × 8 × 8 that the driver for the CPU has. */
const EMULATED = `
alias Left8 = subgroup_matrix_left<f16, 8, 8>;
alias Right8 = subgroup_matrix_right<f16, 8, 8>;
alias Sum8 = subgroup_matrix_result<f32, 8, 8>;
struct Left { by: array<array<Left8, UNIT_K / 8u>, UNIT_M / 8u> }
struct Right { by: array<array<Right8, UNIT_N / 8u>, UNIT_K / 8u> }
struct Sum { by: array<array<Sum8, UNIT_N / 8u>, UNIT_M / 8u> }

fn left_rows(at: u32) -> Left {
  var a: Left;
  for (var m = 0u; m < UNIT_M / 8u; m++) { for (var k = 0u; k < UNIT_K / 8u; k++) {
    a.by[m][k] = subgroupMatrixLoad<Left8, row_major>(&tile_a, at + 8u * m * LEAD_A4 + 2u * k, LEAD_A4);
  } }
  return a;
}

fn left_columns(at: u32) -> Left {
  var a: Left;
  for (var m = 0u; m < UNIT_M / 8u; m++) { for (var k = 0u; k < UNIT_K / 8u; k++) {
    a.by[m][k] = subgroupMatrixLoad<Left8, col_major>(&tile_a, at + 8u * k * LEAD_A4 + 2u * m, LEAD_A4);
  } }
  return a;
}

fn right_rows(at: u32) -> Right {
  var b: Right;
  for (var k = 0u; k < UNIT_K / 8u; k++) { for (var n = 0u; n < UNIT_N / 8u; n++) {
    b.by[k][n] = subgroupMatrixLoad<Right8, row_major>(&tile_b, at + 8u * k * LEAD_B4 + 2u * n, LEAD_B4);
  } }
  return b;
}

fn right_columns(at: u32) -> Right {
  var b: Right;
  for (var k = 0u; k < UNIT_K / 8u; k++) { for (var n = 0u; n < UNIT_N / 8u; n++) {
    b.by[k][n] = subgroupMatrixLoad<Right8, col_major>(&tile_b, at + 8u * n * LEAD_B4 + 2u * k, LEAD_B4);
  } }
  return b;
}

fn multiplied(a: Left, b: Right, sum: Sum) -> Sum {
  var c = sum;
  for (var m = 0u; m < UNIT_M / 8u; m++) { for (var n = 0u; n < UNIT_N / 8u; n++) {
    for (var k = 0u; k < UNIT_K / 8u; k++) {
      c.by[m][n] = subgroupMatrixMultiplyAccumulate(a.by[m][k], b.by[k][n], c.by[m][n]);
    }
  } }
  return c;
}

fn put(box: u32, sum: Sum) {
  for (var m = 0u; m < UNIT_M / 8u; m++) { for (var n = 0u; n < UNIT_N / 8u; n++) {
    subgroupMatrixStore<row_major>(&outbox, box + 2u * m * UNIT_N + 2u * n, sum.by[m][n], UNIT_N / 4u);
  } }
}
`;

/** `tiles` of units that the driver lacks, computed by those that it has. */
function emulated(tiles: MatrixTiles): MatrixTiles {
  const kernels = Object.entries(tiles.kernels).map(([product, kernel]) => [product, {
    ...kernel,
    name: `${kernel.name}_emulated`,
    files: { ...kernel.files, "parts/matrix_units.wgsl": EMULATED },
  }]);
  return { ...tiles, kernels: Object.fromEntries(kernels) };
}

const hard = sizesOf({ N: 2, H: 13, W: 11, C: 36, K: 68, padding: 1, stride: 2 });

Deno.test("conv2d's kernels for matrix units serve subgroups of 16, 32 and 64 lanes", options, async () => {
  // Here only as many subgroups of 8 as there would be larger ones compute; the others help to load and store.
  for (const subgroupSize of [16, 32, 64]) {
    const [tiles] = matrixTiles({ ...matrixUnits!, subgroupSize });
    await check(tiles, hard);
  }
});

for (const [m, n, k] of [[16, 16, 16], [16, 8, 16], [16, 8, 8], [8, 16, 16], [8, 8, 16]]) {
  Deno.test(`conv2d's kernels serve units of ${m} × ${n} × ${k}`, options, async () => {
    const all = matrixTiles({ ...matrixUnits!, units: [{ m, n, k }], subgroupSize: 32 });
    const [tiles] = all.filter(({ name }) => name.endsWith("-2x1"));
    await check(emulated(tiles), hard, { parts: 2 });
  });
}

Deno.test("conv2d's kernels for matrix units add a bias, and take sums in parts", options, async () => {
  for (const tiles of matrixTiles(matrixUnits!)) {
    const sizes = sizesOf({ N: 2, H: 6, W: 5, C: 20, K: 12, padding: 1 });
    await check(tiles, sizes, { bias: true });
    // More parts than stages: the last ones are 0.
    for (const parts of [2, 5, 9]) await check(tiles, sizes, { parts, bias: true });
  }
});

Deno.test(
  "conv2d() matches the reference on matrix units, sums in one part and in several",
  options,
  async () => {
    const names = matrixTiles(matrixUnits!).map(({ name }) => name);
    const cases: (Conv2dSizes & { bias?: boolean; maxBinding?: number })[] = [
      sizesOf({ N: 2, H: 7, W: 5, C: 36, K: 28, padding: 1 }),
      { ...sizesOf({ N: 3, H: 8, W: 7, C: 12, K: 68, stride: 2, padding: 1 }), bias: true },
      { ...sizesOf({ N: 37, H: 5, W: 3, R: 1, K: 12 }), maxBinding: 32 * 24 * 15 },
    ];
    for (const { bias = false, maxBinding, ...sizes } of cases) {
      const { N, H, W, C, K, R, S, stride, padding } = sizes;
      const P = outputSize(H, { window: R, stride, padding }),
        Q = outputSize(W, { window: S, stride, padding });
      await checkOp(`conv2d on matrix units ${JSON.stringify(sizes)}`, {
        shapes: { x: [N, H, W, C], w: [R, S, C, K], ...bias && { bias: [K] } },
        trained: ["w", "bias"],
        halves: ["x", "w"],
        families: names.flatMap((name) => [name, `${name} split`]),
        maxBinding,
        regrouped: ["dw", "dbias"],
        op: (tape, { x, w, bias }) => op(tape, { x, w, bias, stride, pad: padding, name: "conv" }),
        reference: ({ x, w, bias }) => conv2d({ x, w }, sizes).map((sum, i) => sum + (bias?.[i % K] ?? 0)),
        tolerance: {
          y: sumError(R * S * C + Number(bias)),
          dx: sumError(R * S * K),
          dw: sumError(N * P * Q),
          ...bias && { dbias: sumError(N * P * Q) },
        },
      });
    }
  },
);

Deno.test("conv2d's kernels for matrix units match the reference at random shapes", options, async () => {
  const random = keyedRandom(21);
  for (let i = 0; i < 6; i++) {
    const R = 1 + random.integer(4), S = 1 + random.integer(4);
    const sizes = {
      N: 1 + random.integer(4),
      H: 4 + random.integer(7),
      W: 4 + random.integer(7),
      C: 4 + 4 * random.integer(10),
      K: 4 + 4 * random.integer(10),
      R,
      S,
      stride: 1 + random.integer(3),
      padding: random.integer(Math.max(R, S)),
    };
    const tiles = matrixTiles(matrixUnits!);
    await check(tiles[i % tiles.length], sizes, { parts: 1 + i % 3 });
  }
});
