/**
 * Checks of the layers beside the convolution: sums, batch normalization, pooling; forward and backward.
 *
 * @module
 */
import { recordDifference } from "../../graph/difference.ts";
import type { ChoosingProfile } from "../../graph/kernel_choice.ts";
import { addInto } from "../../ops/add.ts";
import { batchNorm } from "../../ops/batch_norm.ts";
import { globalAveragePool } from "../../ops/global_average_pool.ts";
import { linear } from "../../ops/linear.ts";
import { maxPool } from "../../ops/max_pool.ts";
import { probeArithmetic, probeCopy } from "../../ops/probe.ts";
import { sumParts } from "../../ops/sum_parts.ts";
import { add } from "../../reference/add.ts";
import { batchNorm as batchNormReference, normalize } from "../../reference/batch_norm.ts";
import { sumError } from "../../reference/compare.ts";
import { globalAveragePool as averageReference } from "../../reference/global_average_pool.ts";
import { hashSigned } from "../../reference/hash.ts";
import { linear as linearReference } from "../../reference/linear.ts";
import { maxPool as maxPoolReference } from "../../reference/max_pool.ts";
import { relu as rectify } from "../../reference/relu.ts";
import { type Check, checkCall, checksOfReferenced, compareAll, type Referenced } from "./check.ts";

/** The checks for the machine `target`. Sums come first, because others build on them. */
export function layerChecks(target: ChoosingProfile): Check[] {
  return [
    ...sums(target),
    ...probes(target),
    runningStatistics(target),
    ...Object.entries(layerOps()).flatMap(([name, op]) => checksOfReferenced(name, op, target)),
  ];
}

/** The layers, with gradients. */
export function layerOps(): Record<string, Referenced> {
  return {
    "linear's bias": linearOp({ M: 517, C: 4, K: 12 }),
    "batchNorm, training": batchNormOp({ M: 389, C: 36, views: 2, relu: true }),
    "batchNorm with a residual": batchNormOp({ M: 137, C: 20, views: 2, relu: true, residual: true }),
    // So many rows that their parts are joined before they are summed.
    "batchNorm of many rows": batchNormOp({ M: 66 * 128 - 5, C: 4, views: 1 }),
    "batchNorm, evaluation": evaluationOp({ M: 65, C: 36 }),
    maxPool: maxPoolOp(),
    globalAveragePool: averageOp(),
  };
}

/** In float32 these have one correct result, to the bit. */
function sums(target: ChoosingProfile): Check[] {
  const n = 7 * 256 + 4, parts = 5;
  const into = hashSigned("into", n), from = hashSigned("from", n), terms = hashSigned("parts", parts * n);
  const total = new Float32Array(n);
  for (let part = 0; part < parts; part++) {
    for (let i = 0; i < n; i++) total[i] += terms[part * n + i];
  }
  return [
    checkCall("addInto", {
      target,
      call: {
        shapes: { into: [n], from: [n] },
        op: (tape, { into, from }) => addInto(tape, { into, from }),
      },
      values: { into, from },
      compare: compareAll({ into: into.map((value, i) => value + from[i]), from }, {}),
    }),
    checkCall("sumParts", {
      target,
      call: {
        shapes: { parts: [parts, n], total: [n] },
        op: (tape, { parts, total }) => sumParts(tape, { parts, total }),
      },
      values: { parts: terms },
      compare: compareAll({ total }, {}),
    }),
  ];
}

/** The probes that rates are measured with. */
function probes(target: ChoosingProfile): Check[] {
  const n = 4 * 64 * 7 + 4, source = hashSigned("source", n), invocations = 128, rounds = 2;
  // x ← .75 · x + .25 of x = 1 + d is 1 + .75 · d; three chains of 4 numbers begin 4 apart, at the invocation's index.
  const chain = (d: number) => 1 + d * 0.75 ** (16 * rounds);
  const out = Float64Array.from({ length: 4 * invocations }, (_, i) => {
    const begin = Math.floor(i / 4) + i % 4 - 1;
    return chain(begin) + chain(begin + 4) + chain(begin + 8);
  });
  return [
    checkCall("a copy", {
      target,
      call: {
        shapes: { source: [n], copied: [n] },
        op: (tape, { source, copied }) => probeCopy(tape, { source, copied }),
      },
      values: { source },
      compare: compareAll({ copied: source }, {}),
    }),
    checkCall("multiply-adds in registers", {
      target,
      call: {
        shapes: { out: [invocations, 4] },
        op: (tape, { out }) => probeArithmetic(tape, { out, rounds }),
      },
      values: {},
      compare: compareAll({ out }, { absolute: 2e-6 }),
    }),
    comparison(target, { actual: source, expected: hashSigned("expected", n) }),
  ];
}

/** What the tuner compares variants by. */
function comparison(
  target: ChoosingProfile,
  { actual, expected }: { actual: Float32Array; expected: Float32Array },
): Check {
  const shape = [actual.length];
  const largest = (values: Float32Array) =>
    values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const difference = largest(actual.map((value, i) => value - expected[i]));
  return checkCall("the largest difference of two tensors", {
    target,
    call: {
      shapes: { actual: shape, expected: shape, found: [3] },
      op: recordDifference,
    },
    values: { actual, expected, found: new Float32Array(3) },
    compare: compareAll({ found: [largest(actual), largest(expected), difference] }, {}),
  });
}

function linearOp({ M, C, K }: Record<"M" | "C" | "K", number>): Referenced {
  return {
    shapes: { x: [M, C], w: [1, 1, C, K], b: [K] },
    trained: ["w", "b"],
    op: (tape, { x, w, b }) => linear(tape, { x, w, b, name: "linear" }),
    reference: ({ x, w, b }) => linearReference({ x, w, b }, { N: M, inputs: C, outputs: K }),
    tolerance: { y: sumError(C + 1), dx: sumError(K), dw: sumError(M), db: sumError(M) },
  };
}

interface Norm {
  M: number;
  C: number;
  views?: number;
  relu?: boolean;
  residual?: boolean;
}

type Operands = Record<"x" | "gamma" | "beta" | "running_mean" | "running_var", ArrayLike<number>>;

/** Positive variances that differ by channel. */
const variances = (C: number) => hashSigned("running_var", C).map((u) => 1.5 + u);

function normCall(
  { M, C, views = 1, relu = false, residual = false }: Norm,
): Pick<Referenced, "shapes" | "views" | "op" | "values"> {
  const shape = [views * M, C];
  return {
    shapes: {
      x: shape,
      gamma: [C],
      beta: [C],
      running_mean: [C],
      running_var: [C],
      ...residual && { residual: shape },
    },
    views,
    values: { running_var: variances(C) },
    op: (tape, { x, gamma, beta, running_mean: runningMean, running_var: runningVar, residual }) =>
      batchNorm(tape, { x, gamma, beta, runningMean, runningVar, relu, residual, name: "norm" }),
  };
}

/**
 * A few ulps of a normalized value of about 1, as the statistics are rounded too. Twice what Mesa's drivers need: WGSL
 * leaves division and roots some freedom.
 */
const NORM_ERROR = 2 ** -20;

function batchNormOp({ M, C, views = 1, relu = false, residual = false }: Norm): Referenced {
  return {
    ...normCall({ M, C, views, relu, residual }),
    trained: ["gamma", "beta"],
    reference(v) {
      const { y } = batchNormReference(v as Operands, { groups: views, rows: M, C });
      const sum = residual ? add(y, v.residual) : y;
      return relu ? rectify(sum) : sum;
    },
    tolerance: {
      y: 4 * NORM_ERROR,
      dx: 8 * NORM_ERROR,
      dgamma: 2 * views * sumError(M) + NORM_ERROR,
      dbeta: views * sumError(M),
      ...residual && { dresidual: 1e-7 },
    },
  };
}

function evaluationOp({ M, C }: Norm): Referenced {
  return {
    ...normCall({ M, C, relu: true }),
    training: false,
    reference: (v) =>
      rectify(normalize({ ...v as Operands, mean: v.running_mean, variance: v.running_var }, { C })),
    tolerance: { y: NORM_ERROR },
  };
}

const RUNNING = { absolute: 1e-6 };

function runningStatistics(target: ChoosingProfile): Check {
  const views = 3, M = 131, C = 36, { values: given, ...call } = normCall({ M, C, views });
  const values = {
    ...given,
    ...Object.fromEntries(
      ["x", "gamma", "beta", "running_mean"].map((name) =>
        [name, hashSigned(`running ${name}`, name === "x" ? views * M * C : C)] as const
      ),
    ),
  };
  const expected = batchNormReference(values as unknown as Operands, {
    groups: views,
    rows: M,
    C,
  });
  return checkCall("batchNorm and its running statistics", {
    target,
    call,
    values,
    compare: compareAll(expected, {
      y: { absolute: 4 * NORM_ERROR },
      running_mean: RUNNING,
      running_var: RUNNING,
    }),
  });
}

function maxPoolOp(): Referenced {
  const sizes = { N: 2, H: 7, W: 10, C: 12, window: 3, stride: 2, padding: 1 };
  const { N, H, W, C, window, stride, padding: pad } = sizes;
  return {
    shapes: { x: [N, H, W, C] },
    op: (tape, { x }) => maxPool(tape, { x, window, stride, pad, name: "pool" }),
    reference: ({ x }) => maxPoolReference(x, sizes),
    // A maximum is exact; a gradient is the sum of those of up to four windows.
    tolerance: { y: 0, dx: 4 * 2 ** -23 },
  };
}

function averageOp(): Referenced {
  const [N, H, W, C] = [13, 5, 7, 20];
  return {
    shapes: { x: [N, H, W, C] },
    op: (tape, { x }) => globalAveragePool(tape, { x, name: "pool" }),
    reference: ({ x }) => averageReference(x, { N, H, W, C }),
    tolerance: { y: sumError(H * W) / (H * W), dx: 2 ** -23 },
  };
}
