/**
 * One NaN in, NaN out wherever the equation has it, and nowhere else. Comparisons and max() lose NaN on GPUs, and a run
 * whose loss looks well would go on. Both NaNs are tried: that of 0 / 0 on x86 has the sign bit set.
 */
import { assert, assertEquals } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";
import { CONVOLUTIONS, onGpu, sharedGpu, targets } from "../gpu/shared.ts";
import { conv2d as conv2dReference } from "../../src/reference/conv2d.ts";
import { depthwiseConv2d as depthwiseReference } from "../../src/reference/depthwise_conv2d.ts";
import { infoNceTerms } from "../../src/reference/info_nce.ts";
import { maxPool as maxPoolReference } from "../../src/reference/max_pool.ts";
import { outputSize } from "../../src/reference/output_size.ts";
import { accumulateMean } from "../../src/ops/accumulate.ts";
import { addInto } from "../../src/ops/add.ts";
import { batchNorm } from "../../src/ops/batch_norm.ts";
import { byolLoss } from "../../src/ops/byol_loss.ts";
import { conv2d } from "../../src/ops/conv2d.ts";
import { depthwiseConv2d } from "../../src/ops/depthwise_conv2d.ts";
import { gelu } from "../../src/ops/gelu.ts";
import { globalAveragePool } from "../../src/ops/global_average_pool.ts";
import { infoNce } from "../../src/ops/info_nce.ts";
import { layerNorm } from "../../src/ops/layer_norm.ts";
import { layerScale } from "../../src/ops/layer_scale.ts";
import { maxPool } from "../../src/ops/max_pool.ts";
import { normalizeRows } from "../../src/ops/normalize_rows.ts";
import { softmaxCrossEntropy } from "../../src/ops/softmax_cross_entropy.ts";
import { stepMetrics } from "../../src/ops/step_metrics.ts";
import { sumParts } from "../../src/ops/sum_parts.ts";
import { weightHealth } from "../../src/ops/weight_health.ts";
import { packStep } from "../../src/optim/optimizer.ts";
import { type Call, runOp } from "./harness.ts";

const NANS = [0x7fc00000, 0xffc00000];

/** `values` with NaN at `i`. */
function spoiled(values: ArrayLike<number>, i: number, bits: number): Float32Array {
  const copy = Float32Array.from(values);
  new Uint32Array(copy.buffer)[i] = bits;
  return copy;
}

type Where = (i: number) => boolean;
const nowhere: Where = () => false;

interface Case {
  call: Call;
  values: Record<string, ArrayLike<number>>;
  dy?: ArrayLike<number>;
  /** The operands that are float16 where that is tried too. */
  halves?: readonly string[];
  /** The operand, or "dy", that gets the NaN, and its index. */
  spoil: [name: string, i: number];
  /** Of each result where NaN is expected. */
  expected: Record<string, Where>;
}

async function check(what: string, { halves, ...given }: Case): Promise<void> {
  await checkType(what, given);
  const { halfPrecision } = await sharedGpu();
  if (halves && halfPrecision) {
    await checkType(`${what} in float16`, { ...given, call: { ...given.call, halves } });
  }
}

async function checkType(
  what: string,
  { call, values, dy, spoil: [name, at], expected }: Case,
): Promise<void> {
  for (const target of await targets(call.families)) {
    // Float16 has one NaN here, whatever it is made from.
    for (const bits of call.halves ? NANS.slice(0, 1) : NANS) {
      const given = name === "dy" ? values : { ...values, [name]: spoiled(values[name], at, bits) };
      const actual = await runOp(call, {
        values: given,
        dy: name === "dy" ? spoiled(dy!, at, bits) : dy,
        target,
      });
      for (const [key, where] of Object.entries(expected)) {
        assert(actual[key], `${what} has no ${key}`);
        const wrong = actual[key].findIndex((value, i) => Number.isNaN(value) !== where(i));
        assert(
          wrong < 0,
          `${what}, NaN ${
            bits.toString(16)
          } in ${name}[${at}], ${target.family} kernels: ${key}[${wrong}] is ${actual[key][wrong]}, NaN is ${
            where(wrong) ? "" : "not "
          }expected`,
        );
      }
    }
  }
}

const C = 8, M = 37, VIEWS = 2;
const normShape = [VIEWS * M, C];

function norm({ relu, residual = false, training = true }: {
  relu: boolean;
  residual?: boolean;
  training?: boolean;
}): Pick<Case, "call" | "values" | "dy" | "halves"> {
  const vectors = { gamma: [C], beta: [C], running_mean: [C], running_var: [C] };
  return {
    call: {
      shapes: { x: normShape, ...vectors, ...residual && { residual: normShape } },
      trained: ["gamma", "beta"],
      views: VIEWS,
      training,
      op: (tape, { x, gamma, beta, running_mean: runningMean, running_var: runningVar, residual }) =>
        batchNorm(tape, { x, gamma, beta, runningMean, runningVar, relu, residual, name: "norm" }),
    },
    values: {
      x: hashSigned("x", VIEWS * M * C),
      residual: hashSigned("residual", VIEWS * M * C),
      gamma: new Float32Array(C).fill(1),
      beta: new Float32Array(C),
      running_mean: new Float32Array(C),
      running_var: new Float32Array(C).fill(1),
    },
    dy: hashSigned("dy", VIEWS * M * C),
    halves: ["x", ...residual ? ["residual"] : []],
  };
}

/** Row 40 is in the second view. */
const at = 40 * C + 3;
const channel: Where = (i) => i % C === 3;
const channelOfView: Where = (i) => i % C === 3 && i >= M * C;

for (const relu of [false, true]) {
  for (const residual of [false, true]) {
    const kind = `batchNorm${relu ? " with ReLU" : ""}${residual ? " with a residual" : ""}`;
    Deno.test(`NaN: ${kind}`, onGpu, async () => {
      const given = norm({ relu, residual });
      const forward = { y: channelOfView, running_mean: channel, running_var: channel };
      await check(kind, {
        ...given,
        spoil: ["x", at],
        expected: { ...forward, dx: channelOfView, dgamma: channel },
      });
      await check(kind, { ...given, spoil: ["gamma", 3], expected: { y: channel, dx: channel } });
      await check(kind, { ...given, spoil: ["beta", 3], expected: { y: channel } });
      if (residual) {
        await check(kind, {
          ...given,
          spoil: ["residual", at],
          expected: { y: (i) => i === at },
        });
      }

      // A gradient of NaN counts where the activation was on, and only there.
      const [target] = await targets();
      const { y } = await runOp(given.call, { values: given.values, target });
      for (const on of relu ? [true, false] : [true]) {
        const place = y.findIndex((value, i) => channelOfView(i) && (!relu || value > 0 === on));
        const where = on ? channelOfView : nowhere, ofParameter = on ? channel : nowhere;
        await check(`${kind}, ${on ? "on" : "off"}`, {
          ...given,
          spoil: ["dy", place],
          expected: {
            dx: where,
            dgamma: ofParameter,
            dbeta: ofParameter,
            ...residual && { dresidual: on ? (i: number) => i === place : nowhere },
          },
        });
      }
      await check(`${kind} in evaluation`, {
        ...norm({ relu, residual, training: false }),
        dy: undefined,
        spoil: ["x", at],
        expected: { y: (i) => i === at },
      });
    });
  }
}

Deno.test("NaN: maxPool, wherever it lies in a window, and its gradient", onGpu, async () => {
  const sizes = { N: 1, H: 5, W: 5, C: 4, window: 3, stride: 2, padding: 1 };
  const { window, stride, padding: pad } = sizes;
  const call: Call = {
    shapes: { x: [1, 5, 5, 4] },
    op: (tape, { x }) => maxPool(tape, { x, window, stride, pad, name: "pool" }),
  };
  const x = hashSigned("x", 100), dy = hashSigned("dy", 36);
  for (let pixel = 0; pixel < 25; pixel++) {
    const i = 4 * pixel + 1;
    const y = maxPoolReference(spoiled(x, i, NANS[0]), sizes);
    await check("maxPool", {
      call,
      values: { x },
      halves: ["x"],
      spoil: ["x", i],
      expected: { y: (j) => Number.isNaN(y[j]) },
    });
    // All windows that see it take it for their largest, and send it their gradients.
    const windows = Array.from(y, (value, j) => Number.isNaN(value) ? j : -1).filter((j) => j >= 0);
    for (const target of await targets()) {
      const { dx } = await runOp(call, { values: { x: spoiled(x, i, NANS[0]) }, dy, target });
      const sum = windows.reduce((sum, j) => sum + dy[j], 0);
      assert(Math.abs(dx[i] - sum) < 1e-6, `the gradient of pixel ${pixel} is ${dx[i]}, expected ${sum}`);
    }
  }
});

Deno.test("NaN: depthwiseConv2d, in its channel wherever the taps see it", onGpu, async () => {
  const [N, H, W, C] = [2, 9, 10, 8], sizes = { N, H, W, C, R: 7, S: 7 };
  const call: Call = {
    shapes: { x: [N, H, W, C], w: [7, 7, 1, C], bias: [C] },
    trained: ["w", "bias"],
    op: (tape, { x, w, bias }) => depthwiseConv2d(tape, { x, w, bias, name: "depthwise" }),
  };
  const halves = ["x", "w"], n = N * H * W * C, dy = hashSigned("dy", n);
  const values = { x: hashSigned("x", n), w: hashSigned("w", 49 * C), bias: hashSigned("bias", C) };
  for (const i of [0, 3 * C + 5, n - 1]) {
    const y = depthwiseReference({ ...values, x: spoiled(values.x, i, NANS[0]) }, sizes);
    const seen: Where = (j) => Number.isNaN(y[j]);
    const ofChannel: Where = (j) => j % C === i % C && seen(j);
    await check("depthwiseConv2d", {
      call,
      halves,
      values,
      dy,
      spoil: ["x", i],
      expected: { y: ofChannel, dx: nowhere, dbias: nowhere },
    });
    // The taps are as many before as behind: what sees a pixel, it sees.
    await check("depthwiseConv2d", {
      call,
      halves,
      values,
      dy,
      spoil: ["dy", i],
      expected: { dx: ofChannel, dbias: (j) => j === i % C },
    });
  }
  await check("depthwiseConv2d", {
    call,
    halves,
    values,
    dy,
    spoil: ["bias", 5],
    expected: { y: (j) => j % C === 5 },
  });
  const middle = 24 * C + 5; // every pixel sees itself
  await check("depthwiseConv2d", {
    call,
    halves,
    values,
    dy,
    spoil: ["w", middle],
    expected: { y: (j) => j % C === 5, dx: (j) => j % C === 5 },
  });
  const pixel = (4 * W + 4) * C + 5; // all taps see something there
  await check("depthwiseConv2d", {
    call,
    halves,
    values,
    dy,
    spoil: ["dy", pixel],
    expected: { dw: (j) => j % C === 5 },
  });
});

Deno.test("NaN: layerNorm, all of a row", onGpu, async () => {
  const [M, C] = [19, 36], place = 11 * C + 7, ofRow: Where = (i) => Math.floor(i / C) === 11;
  const given = {
    call: {
      shapes: { x: [M, C], gamma: [C], beta: [C] },
      trained: ["gamma", "beta"],
      op: (tape, { x, gamma, beta }) => layerNorm(tape, { x, gamma, beta, name: "norm" }),
    } satisfies Call,
    values: { x: hashSigned("x", M * C), gamma: hashSigned("gamma", C), beta: hashSigned("beta", C) },
    dy: hashSigned("dy", M * C),
    halves: ["x"],
  };
  const everywhere: Where = () => true, ofChannel: Where = (i) => i === 7;
  await check("layerNorm", {
    ...given,
    spoil: ["x", place],
    expected: { y: ofRow, dx: ofRow, dgamma: everywhere, dbeta: nowhere },
  });
  await check("layerNorm", {
    ...given,
    spoil: ["dy", place],
    expected: { dx: ofRow, dgamma: ofChannel, dbeta: ofChannel },
  });
  await check("layerNorm", {
    ...given,
    spoil: ["gamma", 7],
    expected: { y: (i) => i % C === 7, dx: everywhere },
  });
  await check("layerNorm", { ...given, spoil: ["beta", 7], expected: { y: (i) => i % C === 7 } });
});

Deno.test("NaN: gelu and layerScale, in one element", onGpu, async () => {
  const [M, C] = [19, 36], place = 11 * C + 7, one: Where = (i) => i === place;
  const values = {
    x: hashSigned("x", M * C),
    scale: hashSigned("scale", C),
    residual: hashSigned("residual", M * C),
  };
  const dy = hashSigned("dy", M * C), halves = ["x", "residual"];
  const activation: Call = {
    shapes: { x: [M, C] },
    op: (tape, { x }) => gelu(tape, { x, name: "gelu" }),
  };
  await check("gelu", {
    call: activation,
    halves: ["x"],
    values,
    dy,
    spoil: ["x", place],
    expected: { y: one, dx: one },
  });
  await check("gelu", {
    call: activation,
    halves: ["x"],
    values,
    dy,
    spoil: ["dy", place],
    expected: { dx: one },
  });
  const scaled: Call = {
    shapes: { x: [M, C], scale: [C], residual: [M, C] },
    trained: ["scale"],
    op: (tape, { x, scale, residual }) => layerScale(tape, { x, scale, residual, name: "scale" }),
  };
  const ofChannel: Where = (i) => i % C === 7, ofScale: Where = (i) => i === 7;
  await check("layerScale", {
    call: scaled,
    halves,
    values,
    dy,
    spoil: ["x", place],
    expected: { y: one, dscale: ofScale },
  });
  await check("layerScale", {
    call: scaled,
    halves,
    values,
    dy,
    spoil: ["residual", place],
    expected: { y: one },
  });
  await check("layerScale", {
    call: scaled,
    halves,
    values,
    dy,
    spoil: ["scale", 7],
    expected: { y: ofChannel, dx: ofChannel },
  });
  await check("layerScale", {
    call: scaled,
    halves,
    values,
    dy,
    spoil: ["dy", place],
    expected: { dx: one, dresidual: one, dscale: ofScale },
  });
});

Deno.test("NaN: globalAveragePool", onGpu, async () => {
  const shapes = { x: [3, 2, 2, 4] };
  await check("globalAveragePool", {
    call: { shapes, op: (tape, { x }) => globalAveragePool(tape, { x, name: "pool" }) },
    values: { x: hashSigned("x", 48) },
    halves: ["x"],
    dy: hashSigned("dy", 12),
    spoil: ["x", 22],
    expected: { y: (i) => i === 6, dx: nowhere },
  });
});

Deno.test("NaN: conv2d with every family of kernels", onGpu, async () => {
  const sizes = { N: 2, H: 5, W: 4, C: 8, K: 12, R: 3, S: 3, stride: 2, padding: 1 };
  const { N, H, W, C, K, R, S, stride, padding: pad } = sizes;
  const P = outputSize(H, { window: R, stride, padding: pad });
  const Q = outputSize(W, { window: S, stride, padding: pad });
  const call: Call = {
    shapes: { x: [N, H, W, C], w: [R, S, C, K] },
    trained: ["w"],
    families: CONVOLUTIONS,
    op: (tape, { x, w }) => conv2d(tape, { x, w, stride, pad, name: "conv" }),
  };
  const values = { x: hashSigned("x", N * H * W * C), w: hashSigned("w", R * S * C * K) };
  const dy = hashSigned("dy", N * P * Q * K), halves = ["x", "w"];
  /** Where y is NaN if x is at `i`. */
  const reached = (i: number) => conv2dReference({ ...values, x: spoiled(values.x, i, NANS[0]) }, sizes);
  for (const i of [0, 77, N * H * W * C - 1]) {
    const y = reached(i);
    await check("conv2d", {
      call,
      halves,
      values,
      dy,
      spoil: ["x", i],
      expected: { y: (j) => Number.isNaN(y[j]), dx: nowhere },
    });
  }
  const k = 5, from = (1 * P * Q + Q) * K + k; // second image, second row, first column
  const seen = Array.from({ length: N * H * W * C }, (_, i) => Number.isNaN(reached(i)[from]));
  await check("conv2d", { call, halves, values, dy, spoil: ["dy", from], expected: { dx: (i) => seen[i] } });
});

Deno.test(
  "NaN: conv2d's weights and their gradient, of one filter at least where it is seen",
  onGpu,
  async () => {
    const sizes = { N: 2, H: 3, W: 3, C: 4, K: 8, R: 3, S: 3, stride: 1, padding: 1 };
    const { N, H, W, C, K, R, S, stride, padding: pad } = sizes, k = 5;
    const call: Call = {
      shapes: { x: [N, H, W, C], w: [R, S, C, K] },
      trained: ["w"],
      op: (tape, { x, w }) => conv2d(tape, { x, w, stride, pad, name: "conv" }),
    };
    const values = { x: hashSigned("x", N * H * W * C), w: hashSigned("w", R * S * C * K) };
    const dy = hashSigned("dy", N * H * W * K);
    const weight = ((1 * S + 1) * C + 2) * K + k, pixel = (1 * W + 1) * K + k; // in the middle: each sees all of the other
    for (const target of await targets(CONVOLUTIONS)) {
      for (const bits of NANS) {
        const { y } = await runOp(call, {
          values: { ...values, w: spoiled(values.w, weight, bits) },
          target,
        });
        assert(y.every((value, i) => Number.isNaN(value) === (i % K === k)), `y, ${target.family}`);
        const { dw } = await runOp(call, { values, dy: spoiled(dy, pixel, bits), target });
        assert(dw.every((value, i) => Number.isNaN(value) === (i % K === k)), `dw, ${target.family}`);
      }
    }
  },
);

const N = 5, D = 12, partner = (i: number) => (i + N) % (2 * N);
const pairs = { q: hashSigned("q", 2 * N * D), z: hashSigned("z", 2 * N * D) };
const ofRow = (row: number): Where => (i) => Math.floor(i / D) === row;

Deno.test("NaN: byolLoss", onGpu, async () => {
  const call: Call = {
    shapes: { q: [2 * N, D], z: [2 * N, D] },
    op: (tape, { q, z }) => byolLoss(tape, { q, target: z }),
  };
  const row = 7, i = row * D + 4;
  await check("byolLoss", {
    call,
    values: pairs,
    spoil: ["q", i],
    expected: { y: (j) => j === row, dq: ofRow(row) },
  });
  const other = partner(row);
  await check("byolLoss", {
    call,
    values: pairs,
    spoil: ["z", i],
    expected: { y: (j) => j === other, dq: ofRow(other) },
  });
});

Deno.test("NaN: infoNce", onGpu, async () => {
  const call: Call = {
    shapes: { q: [2 * N, D], z: [2 * N, D] },
    op(tape, { q, z }) {
      const losses = infoNce(tape, { q, target: z, shared: true, negatives: 1, temperature: 0.1 });
      tape.backward();
      return losses;
    },
  };
  const row = 7, i = row * D + 4, all: Where = () => true;
  for (const name of ["q", "z"] as const) {
    const terms = infoNceTerms({ ...pairs, [name]: spoiled(pairs[name], i, NANS[0]) }, {
      N,
      D,
      beta: 1,
      alpha: 0.1,
    });
    assertEquals(Array.from(terms).filter(Number.isNaN).length, name === "q" ? 1 : 2 * N - 1);
    await check("infoNce", {
      call,
      values: pairs,
      spoil: [name, i],
      expected: {
        y: (j) => Number.isNaN(terms[j]),
        // Every row is held against every other.
        [name === "q" ? "dz" : "dq"]: all,
      },
    });
  }
});

Deno.test("NaN: softmaxCrossEntropy, of one row and classifier", onGpu, async () => {
  const M = 3, G = 2, K = 4, classes = 3;
  const call: Call = {
    shapes: { logits: [M, G * K], labels: [M], rates: [G] },
    op: (tape, { logits, labels, rates }) => softmaxCrossEntropy(tape, { logits, labels, rates, classes }),
  };
  const values = { logits: hashSigned("logits", M * G * K), labels: [0, 2, 1], rates: [1, 0.5] };
  for (let k = 0; k < classes; k++) {
    await check("softmaxCrossEntropy", {
      call,
      values,
      spoil: ["logits", 3 * K + k],
      expected: { y: (j) => j === 3, dlogits: (j) => Math.floor(j / K) === 3 && j % K < classes },
    });
  }
});

Deno.test("NaN: normalizeRows and its gradient, all of a row", onGpu, async () => {
  const call: Call = {
    shapes: { x: [2 * N, D] },
    op: (tape, { x }) => normalizeRows(tape, { x, name: "rows" }),
  };
  const values = { x: pairs.q }, dy = pairs.z;
  await check("normalizeRows", {
    call,
    values,
    dy,
    spoil: ["x", 7 * D + 4],
    expected: { y: ofRow(7), dx: ofRow(7) },
  });
  await check("normalizeRows", { call, values, dy, spoil: ["dy", 7 * D + 4], expected: { dx: ofRow(7) } });
});

const scalars = { lr: 1, momentum: 1, weightDecay: 1, tau: 1, slot: 1 };
const step = (part = 0) => new Float32Array(packStep({ ...scalars, part }).buffer);

Deno.test("NaN: stepMetrics and weightHealth, in the figure that it belongs to", onGpu, async () => {
  const metrics: Pick<Case, "call" | "values"> = {
    call: {
      shapes: { losses: [2 * N], z: [2 * N, D], ring: [2, 4], step: [8] },
      uniform: "step",
      op: (tape, { losses, z, ring, step }) => stepMetrics(tape, { losses, z, ring, step }, { batches: 1 }),
    },
    values: { losses: hashSigned("losses", 2 * N), z: pairs.z, ring: new Float32Array(8), step: step() },
  };
  await check("stepMetrics", { ...metrics, spoil: ["losses", 3], expected: { ring: (i) => i === 4 } });
  await check("stepMetrics", { ...metrics, spoil: ["z", 33], expected: { ring: (i) => i === 5 } });
  const health: Pick<Case, "call" | "values"> = {
    call: {
      shapes: { gradient: [3, 64], theta: [3, 64], xi: [2, 64], ring: [2, 4], step: [8] },
      uniform: "step",
      op: (tape, { gradient, theta, xi, ring, step }) =>
        weightHealth(tape, { gradient, theta, xi, ring, step }),
    },
    values: {
      gradient: hashSigned("gradient", 192),
      theta: hashSigned("theta", 192),
      xi: hashSigned("xi", 128),
      ring: new Float32Array(8),
      step: step(),
    },
  };
  await check("weightHealth", { ...health, spoil: ["gradient", 130], expected: { ring: (i) => i === 6 } });
  await check("weightHealth", { ...health, spoil: ["theta", 70], expected: { ring: (i) => i === 7 } });
  await check("weightHealth", { ...health, spoil: ["xi", 70], expected: { ring: (i) => i === 7 } });
});

Deno.test("NaN: addInto, sumParts and accumulateMean, in one element", onGpu, async () => {
  const one: Where = (i) => i === 70;
  const given = { into: hashSigned("into", 128), from: hashSigned("from", 128) };
  for (const name of ["into", "from"]) {
    await check("addInto", {
      call: {
        shapes: { into: [128], from: [128] },
        op: (tape, { into, from }) => addInto(tape, { into, from }),
      },
      values: given,
      halves: ["into", "from"],
      spoil: [name, 70],
      expected: { into: one },
    });
  }
  await check("sumParts", {
    call: {
      shapes: { parts: [3, 128], total: [128] },
      op: (tape, { parts, total }) => sumParts(tape, { parts, total }),
    },
    values: { parts: hashSigned("parts", 384), total: new Float32Array(128) },
    halves: ["parts", "total"],
    spoil: ["parts", 256 + 70],
    expected: { total: one },
  });
  for (const [name, part] of [["addend", 0], ["addend", 1], ["mean", 1]] as const) {
    await check("accumulateMean", {
      call: {
        shapes: { mean: [2, 64], addend: [2, 64], step: [8] },
        uniform: "step",
        op: (tape, { mean, addend, step }) =>
          accumulateMean(tape, { mean, from: addend, step }, { batches: 2 }),
      },
      values: { mean: given.into, addend: given.from, step: step(part) },
      spoil: [name, 70],
      expected: { mean: one },
    });
  }
});
