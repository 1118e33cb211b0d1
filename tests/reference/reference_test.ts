/** The references against PyTorch: what they compute, and by finite differences its gradients. */

import { assert, assertClose, assertEquals } from "../assert.ts";
import {
  goldenViews,
  hashSigned,
  initialParameter,
  type OpsMetadata,
  readGolden,
  type StepMetadata,
} from "../golden/read.ts";
import { batchNorm } from "../../src/reference/batch_norm.ts";
import { byolLoss } from "../../src/reference/byol_loss.ts";
import { conv2d, conv2dGradients } from "../../src/reference/conv2d.ts";
import { depthwiseConv2d } from "../../src/reference/depthwise_conv2d.ts";
import { centralDifferences } from "../../src/reference/finite_difference.ts";
import { gelu } from "../../src/reference/gelu.ts";
import { globalAveragePool } from "../../src/reference/global_average_pool.ts";
import { infoNce } from "../../src/reference/info_nce.ts";
import { knn } from "./knn.ts";
import { layerNorm } from "../../src/reference/layer_norm.ts";
import { layerScale } from "../../src/reference/layer_scale.ts";
import { linear } from "../../src/reference/linear.ts";
import { maxPool } from "../../src/reference/max_pool.ts";
import { type Parameters, projectAndPredict } from "./network.ts";
import { optimizerStep } from "../../src/reference/optimizer.ts";
import { relu } from "../../src/reference/relu.ts";

type Shapes = Record<string, number[]>;

// deno-lint-ignore no-explicit-any -- operands and sizes come from the file, by name
type Reference = (operands: any, sizes: any, shapes: Shapes) => Record<string, ArrayLike<number>>;

const references: Record<string, Reference> = {
  conv2d: (operands, sizes) => ({ y: conv2d(operands, sizes) }),
  depthwise_conv2d: (operands, sizes) => ({ y: depthwiseConv2d(operands, { ...sizes, R: 7, S: 7 }) }),
  layer_norm: (operands, sizes) => ({ y: layerNorm(operands, sizes) }),
  gelu: ({ x }) => ({ y: gelu(x) }),
  layer_scale: (operands, sizes) => ({ y: layerScale(operands, sizes) }),
  batch_norm: batchNorm,
  batch_norm_relu(operands, sizes) {
    const results = batchNorm(operands, sizes);
    return { ...results, y: relu(results.y) };
  },
  linear: (operands, sizes) => ({ y: linear(operands, sizes) }),
  max_pool: ({ x }, sizes) => ({ y: maxPool(x, sizes) }),
  global_average_pool: ({ x }, sizes) => ({ y: globalAveragePool(x, sizes) }),
  byol_loss: (operands, sizes) => ({ y: [byolLoss(operands, sizes)] }),
  info_nce: ({ q, z = q }, sizes) => ({ y: [infoNce({ q, z }, sizes)] }),
  optimizer({ theta, xi, g1, g2 }, options, shapes) {
    const momentum = new Float64Array(theta.length);
    if (shapes.theta.length === 1) options = { ...options, decay: 0, trust: 0 };
    const first = optimizerStep({ theta, xi, momentum, gradient: g1 }, options);
    return optimizerStep({ ...first, gradient: g2 }, options);
  },
  knn({ features, queries, labels }, options) {
    const classes = Float64Array.from(labels, (u: number) => Math.floor((u + 1) / 2 * options.classes));
    return knn({ features, queries, labels: classes }, options);
  },
};

/** Golden values are float64 rounded to float32. */
const rounding = { absolute: 1e-12, relative: 6e-8 };

const { tensors, metadata } = await readGolden<OpsMetadata>("ops");

for (const { name, op, operands: shapes, constants, sizes } of metadata.cases) {
  Deno.test(`references: ${name} computes what PyTorch does`, () => {
    const operands: Record<string, Float32Array> = {};
    for (const [operand, shape] of Object.entries(shapes)) {
      operands[operand] = hashSigned(`${name}.${operand}`, shape.reduce((a, b) => a * b));
    }
    const results = references[op](operands, sizes, shapes);
    for (const [result, values] of Object.entries(results)) {
      assertClose(`${name}.${result}`, values, tensors.get(`${name}.${result}`)!.data, rounding);
    }

    if (!results.y) return;
    const dy = results.y.length === 1 ? [1] : hashSigned(`${name}.dy`, results.y.length);
    for (const operand of Object.keys(shapes).filter((key) => !constants.includes(key))) {
      const gradient = centralDifferences((values) => {
        const { y } = references[op]({ ...operands, [operand]: values }, sizes, shapes);
        return Array.from(dy).reduce((sum, weight, i) => sum + weight * y[i], 0);
      }, operands[operand]);
      const tolerance = { absolute: 1e-6, relative: 1e-6 };
      assertClose(`${name}.d${operand}`, gradient, tensors.get(`${name}.d${operand}`)!.data, tolerance);
    }
  });
}

for (const name of ["resnet8_sgd", "resnet8_lars", "bottleneck_sgd", "bottleneck_lars"]) {
  Deno.test(`references: the first loss of ${name} is PyTorch's float64 one`, async () => {
    const { tensors, metadata } = await readGolden<StepMetadata>(`step_${name}`);
    const parameters: Parameters = new Map();
    for (const [fullName, { shape }] of tensors) {
      if (!fullName.startsWith("online.") || fullName.includes("running")) continue;
      const name = fullName.slice("online.".length);
      parameters.set(name, { shape, data: initialParameter(name, shape) });
    }
    const views = goldenViews(metadata, 0);
    const { projections: z, predictions: q } = projectAndPredict(parameters, views, metadata);
    const loss = byolLoss({ q, z }, { N: metadata.batch, D: q.length / (2 * metadata.batch) });
    assertClose("loss", [loss], metadata.losses.slice(0, 1), { relative: 1e-12 });
  });
}

Deno.test("conv2dGradients() matches finite differences", () => {
  for (const [stride, padding] of [[1, 1], [2, 0], [3, 2]]) {
    const sizes = { N: 2, H: 6, W: 5, C: 2, K: 3, R: 3, S: 2, stride, padding };
    const x = hashSigned("x", 2 * 6 * 5 * 2), w = hashSigned("w", 3 * 2 * 2 * 3);
    const dy = hashSigned("dy", conv2d({ x, w }, sizes).length);
    const loss = (operands: { x: ArrayLike<number>; w: ArrayLike<number> }) =>
      conv2d(operands, sizes).reduce((sum, value, i) => sum + dy[i] * value, 0);
    const { dx, dw } = conv2dGradients({ x, w, dy }, sizes);
    assertClose("dx", dx, centralDifferences((x) => loss({ x, w }), x), { absolute: 1e-9 });
    assertClose("dw", dw, centralDifferences((w) => loss({ x, w }), w), { absolute: 1e-9 });
  }
});

Deno.test("byolLoss() of the reference is 0 for equal vectors and 4 per term for opposite ones", () => {
  const q = hashSigned("q", 6), z = Float32Array.of(...q.subarray(3), ...q.subarray(0, 3));
  assert(Math.abs(byolLoss({ q, z }, { N: 1, D: 3 })) < 1e-15);
  assert(Math.abs(byolLoss({ q, z: z.map((value) => -value) }, { N: 1, D: 3 }) - 8) < 1e-15);
});

Deno.test("knn of the reference breaks ties by the lowest class", () => {
  const operands = { features: [1, 0, 1, 0, 0, 1], labels: [2, 1, 0], queries: [1, 0] };
  const { predictions } = knn(operands, { N: 3, Q: 1, D: 2, k: 2, T: 0.1, classes: 3 });
  assertEquals(Array.from(predictions), [1]);
});

Deno.test("optimizerStep() of the reference uses ratio 1 where a norm is 0", () => {
  const state = { theta: [0, 0], xi: [1, 2], momentum: [0, 0], gradient: [3, 4] };
  const { theta, xi } = optimizerStep(state, { lr: 1, mu: 0.9, decay: 0.1, trust: 0.001, tau: 0.5 });
  assertEquals([...theta, ...xi], [-3, -4, -1, -1]);
});
