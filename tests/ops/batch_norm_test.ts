import { assert, assertClose, assertEquals, assertThrows } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";
import { FAMILIES, halfTest, onGpu, targets } from "../gpu/shared.ts";
import { add } from "../../src/reference/add.ts";
import { batchNorm as reference, channelStatistics, normalize } from "../../src/reference/batch_norm.ts";
import { relu as rectify } from "../../src/reference/relu.ts";
import { batchNorm } from "../../src/ops/batch_norm.ts";
import {
  type Call,
  checkGolden,
  checkOp,
  goldenCases,
  newTape,
  placed,
  runOp,
  sumError,
  type Values,
} from "./harness.ts";

interface Options {
  relu?: boolean;
  residual?: boolean;
  views?: number;
  training?: boolean;
  half?: boolean;
}

function call(
  shape: readonly number[],
  { relu = false, residual = false, views = 1, training = true, half = false }: Options,
): Call {
  const C = shape[shape.length - 1];
  return {
    shapes: {
      x: shape,
      gamma: [C],
      beta: [C],
      running_mean: [C],
      running_var: [C],
      ...residual && { residual: shape },
    },
    trained: ["gamma", "beta"],
    halves: half ? ["x", ...residual ? ["residual"] : []] : [],
    views,
    training,
    op: (tape, { x, gamma, beta, running_mean: runningMean, running_var: runningVar, residual }) =>
      batchNorm(tape, { x, gamma, beta, runningMean, runningVar, relu, residual, name: "norm" }),
  };
}

type Operands = Record<"x" | "gamma" | "beta" | "running_mean" | "running_var", ArrayLike<number>>;

/** Positive variances that differ from channel to channel. */
const variances = (C: number) => hashSigned("running_var", C).map((u) => 1.5 + u);

interface Case extends Options {
  rows: number;
  C: number;
  maxGrid?: number;
  maxBinding?: number;
  families?: readonly string[];
}

async function check({ rows: M, C, maxGrid, maxBinding, families, ...options }: Case): Promise<void> {
  const { relu, residual, views = 1, training = true } = options;
  const name = `batchNorm ${JSON.stringify({ M, C, ...options })}`, shape = [views * M, C];
  const values: Values = { x: hashSigned(`${name}.x`, views * M * C), running_var: variances(C) };
  const act = (y: Float64Array, { residual: r }: Values) => {
    const sum = residual ? add(y, r) : y;
    return relu ? rectify(sum) : sum;
  };
  // Each error of x̂ is one of x, of at most 1, times the reciprocal deviation.
  let scale = 1;
  for (let g = 0; g < views; g++) {
    const group = (values.x as Float32Array).subarray(g * M * C, (g + 1) * M * C);
    for (const v of channelStatistics(group, { rows: M, C }).variance) {
      scale = Math.max(scale, 1 / Math.sqrt(v + 1e-5));
    }
  }
  const unit = 2 ** -22 * (training ? scale : 1.5);
  await checkOp(name, {
    ...call(shape, options),
    maxGrid,
    maxBinding,
    families,
    values,
    reference: (v) => {
      const { y } = training
        ? reference(v as Operands, { groups: views, rows: M, C })
        : { y: normalize({ ...v as Operands, mean: v.running_mean, variance: v.running_var }, { C }) };
      return act(y, v);
    },
    // x̂ is at most √M, typically 1.
    tolerance: training
      ? {
        y: 4 * unit,
        dx: 8 * unit,
        dgamma: 2 * views * sumError(M) + unit,
        dbeta: views * sumError(M),
        ...residual && { dresidual: 1e-7 },
      }
      : { y: unit },
  });
}

const training: Record<string, Case[]> = {
  "two rows, the fewest": [{ rows: 2, C: 4 }, { rows: 2, C: 8, relu: true, views: 2 }],
  "15, 16 and 17 rows, what one invocation writes": [15, 16, 17].map((rows) => ({ rows, C: 8, views: 2 })),
  "127, 128 and 129 rows, what one invocation sums": [127, 128, 129].map((rows) => ({
    rows,
    C: 4,
    relu: true,
    views: 2,
  })),
  "28, 32 and 36 channels": [28, 32, 36].map((C) => ({ rows: 67, C, views: 2, residual: true, relu: true })),
  "63, 64 and 65 invocations": [63, 64, 65].map((groups) => ({ rows: 5, C: 4 * groups })),
  "residual without ReLU": [{ rows: 31, C: 12, residual: true }],
  "three views": [{ rows: 37, C: 20, views: 3, relu: true }],
  "many parts": [{ rows: 1409, C: 12, views: 2, relu: true, residual: true }],
  "64 parts, and 65 and more, which are joined": [
    { rows: 64 * 128, C: 4 },
    { rows: 64 * 128 + 1, C: 4, views: 2, relu: true },
    { rows: 66 * 128 - 5, C: 12, views: 2, maxGrid: 8 },
  ],
  "on a GPU: 63, 64 and 65 parts, as many as there are lanes": [1007, 1024, 1025].map((rows) => ({
    rows,
    C: 8,
    views: 2,
    relu: true,
    families: ["hardware"],
  })),
  "on a GPU: 256 parts, and 257 and more, which are joined": [
    { rows: 4096, C: 4, families: ["hardware"] },
    { rows: 4097, C: 4, views: 2, relu: true, families: ["hardware"] },
    { rows: 5 * 64 * 16 + 7, C: 12, maxGrid: 5, families: ["hardware"] },
  ],
  "grids of two dimensions": [
    { rows: 17, C: 428, views: 3, relu: true, residual: true, maxGrid: 5, families: FAMILIES },
    { rows: 17, C: 148, views: 3, relu: true, residual: true, maxGrid: 7, families: ["hardware"] },
  ],
  // A part of 128 rows takes 512 · C bytes.
  "in pieces of one to three parts, the views in pieces of their own or not": [
    { rows: 512, C: 8, views: 2, relu: true, residual: true, maxBinding: 1536 * 8 },
    { rows: 300, C: 32, views: 2, relu: true, residual: true, maxBinding: 1024 * 32 },
    { rows: 200, C: 64, views: 3, maxBinding: 512 * 64 },
    { rows: 385, C: 12, residual: true, maxBinding: 1024 * 12 },
  ],
  "in pieces, views that begin where no binding may": [
    { rows: 157, C: 4, views: 3, relu: true, residual: true, maxBinding: 600 * 4 },
    { rows: 137, C: 20, views: 5, relu: true, residual: true, maxBinding: 1200 * 20 },
  ],
};

for (const [what, cases] of Object.entries(training)) {
  Deno.test(`batchNorm() matches the reference in training: ${what}`, onGpu, async () => {
    for (const each of cases) await check(each);
  });
}

halfTest("batchNorm() matches the reference in float16", async () => {
  for (const relu of [false, true]) {
    for (const residual of [false, true]) {
      await check({ rows: 67, C: 36, views: 2, relu, residual, half: true });
    }
  }
  await check({ rows: 2, C: 4, half: true });
  await check({ rows: 300, C: 32, views: 2, relu: true, residual: true, maxBinding: 512 * 32, half: true });
  for (const relu of [false, true]) {
    await check({ rows: 65, C: 36, training: false, relu, residual: relu, half: true });
  }
});

Deno.test("batchNorm() uses running statistics in evaluation, for any number of views", onGpu, async () => {
  for (const [rows, C] of [[1, 4], [17, 28], [65, 36], [3, 260]]) {
    await check({ rows, C, training: false, maxGrid: 7, families: FAMILIES });
    await check({ rows, C, training: false, maxGrid: 9, families: ["hardware"] });
    await check({ rows, C, training: false, relu: true, residual: true });
  }
  await check({ rows: 301, C: 12, training: false, relu: true, residual: true, maxBinding: 512 * 12 });
  await check({ rows: 3, C: 8, views: 2, training: false });
});

Deno.test(
  "batchNorm() updates running statistics view by view, and not in evaluation",
  onGpu,
  async () => {
    const views = 3, rows = 131, C = 36;
    const values = {
      x: hashSigned("x", views * rows * C),
      gamma: hashSigned("gamma", C),
      beta: hashSigned("beta", C),
      running_mean: hashSigned("mean", C),
      running_var: variances(C),
    };
    const expected = reference(values, { groups: views, rows, C });
    for (const target of await targets()) {
      const shape = [views * rows, C];
      const after = await runOp(call(shape, { views }), { values, target });
      assertClose("running mean", after.running_mean, expected.running_mean, { absolute: 3e-7 });
      assertClose("running variance", after.running_var, expected.running_var, { absolute: 1e-6 });
      const evaluated = await runOp(call(shape, { training: false }), { values, target });
      assertClose("mean after evaluation", evaluated.running_mean, values.running_mean, {});
      assertClose("variance after evaluation", evaluated.running_var, values.running_var, {});
    }
  },
);

Deno.test(
  "batchNorm() loses no more precision than the input at a mean of 1000 deviations",
  onGpu,
  async () => {
    const rows = 1000, C = 8;
    const values = {
      x: hashSigned("far", rows * C).map((u) => u + 577),
      gamma: new Float32Array(C).fill(1),
      beta: new Float32Array(C),
      running_mean: new Float32Array(C),
      running_var: new Float32Array(C),
    };
    const expected = reference(values, { groups: 1, rows, C });
    for (const target of await targets()) {
      const actual = await runOp(call([rows, C], {}), { values, target });
      // The mean is rounded to 2⁻²⁴ · 577; a variance as E[x²] − E[x]² would be off by 5 %.
      assertClose("y", actual.y, expected.y, { absolute: 2e-4 });
      assertClose("running variance", actual.running_var, expected.running_var, { relative: 1e-5 });
    }
  },
);

Deno.test("batchNorm() passes NaN through the ReLU", onGpu, async () => {
  const values: Values = {
    x: [NaN, 1, 1, 1, 2, 2, 2, 2],
    gamma: [1, 1, 1, 1],
    beta: [0, 0, 0, 0],
    running_mean: [0, 0, 0, 0],
    running_var: [1, 1, 1, 1],
  };
  for (const target of await targets()) {
    const { y } = await runOp(call([2, 4], { relu: true }), { values, target });
    assert(Number.isNaN(y[0]) && Number.isNaN(y[4]), `channel 0 is ${y[0]}, ${y[4]}`);
    assert(Number.isFinite(y[1]) && Number.isFinite(y[5]));
  }
});

Deno.test("batchNorm() splits rows into enough parts for a GPU, and into parts of 128 for a CPU", () => {
  const lengthOf = (software: boolean, { rows, C }: { rows: number; C: number }) => {
    const tape = newTape({ software, maxBinding: 2 ** 30 }, { views: 2 });
    const vector = (name: string) => placed(name, [C]);
    batchNorm(tape, {
      x: placed("x", [2 * rows, C]),
      gamma: vector("gamma"),
      beta: vector("beta"),
      runningMean: vector("mean"),
      runningVar: vector("var"),
      relu: false,
      name: "norm",
    });
    return tape.dispatches[0].params.length;
  };
  // The stages of resnet18 at batch 512, and its projector.
  const stages = [[524288, 64], [131072, 128], [32768, 256], [8192, 512], [512, 4096]]
    .map(([rows, C]) => ({ rows, C }));
  assertEquals(stages.map((sizes) => lengthOf(false, sizes)), [128, 64, 32, 16, 16]);
  assertEquals(stages.map((sizes) => lengthOf(true, sizes)), [128, 128, 128, 128, 128]);
});

for (const op of ["batch_norm", "batch_norm_relu"]) {
  for (const golden of goldenCases(op)) {
    Deno.test(`batchNorm() matches PyTorch's ${golden.name}`, onGpu, async () => {
      const options = { relu: op.endsWith("relu"), views: golden.sizes.groups };
      await checkGolden(golden, { ...call(golden.shapes.x, options), absolute: 1e-5 });
    });
  }
}

Deno.test("batchNorm() rejects wrong shapes", async () => {
  const run =
    (x: number[], { C = 8, residual, views = 1 }: { C?: number; residual?: number[]; views?: number } = {}) =>
    () =>
      batchNorm(newTape({ maxGrid: 7 }, { views }), {
        x: placed("x", x),
        gamma: placed("gamma", [C]),
        beta: placed("beta", [C]),
        runningMean: placed("mean", [C]),
        runningVar: placed("var", [C]),
        residual: residual && placed("residual", residual),
        relu: true,
        name: "norm",
      });
  await assertThrows(
    run([6, 12]),
    TypeError,
    /^Cannot run batchNorm: "x" must have 8 channels, a multiple of 4, and 1 views of equal size, but its shape is \[6, 12\]$/,
  );
  await assertThrows(run([6, 6], { C: 6 }), TypeError, /"x" must have 6 channels, a multiple of 4/);
  await assertThrows(
    run([5, 8], { views: 2 }),
    TypeError,
    /2 views of equal size, but its shape is \[5, 8\]/,
  );
  await assertThrows(run([2, 8], { views: 2 }), TypeError, /more than one value per channel and view/);
  await assertThrows(
    run([4, 8], { residual: [8, 4] }),
    TypeError,
    /"residual" must have the shape of the result, \[4, 8\], but its shape is \[8, 4\]/,
  );
});
