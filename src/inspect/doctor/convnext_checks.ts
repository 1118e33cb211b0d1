/**
 * Checks of the layers of a ConvNeXt: depthwise convolution, layer normalization, GELU, layer scale, biases of many pixels.
 *
 * @module
 */
import { type ChoosingProfile, pinned } from "../../graph/kernel_choice.ts";
import { conv2d } from "../../ops/conv2d.ts";
import { depthwiseConv2d } from "../../ops/depthwise_conv2d.ts";
import { SIDE, variantNames } from "../../ops/depthwise_kernels.ts";
import { gelu } from "../../ops/gelu.ts";
import { layerNorm } from "../../ops/layer_norm.ts";
import { layerScale } from "../../ops/layer_scale.ts";
import { sumError } from "../../reference/compare.ts";
import { conv2d as conv2dReference } from "../../reference/conv2d.ts";
import { depthwiseConv2d as depthwiseReference } from "../../reference/depthwise_conv2d.ts";
import { gelu as geluReference } from "../../reference/gelu.ts";
import { hashSigned } from "../../reference/hash.ts";
import { layerNorm as layerNormReference } from "../../reference/layer_norm.ts";
import { layerScale as layerScaleReference } from "../../reference/layer_scale.ts";
import { type Check, checksOfReferenced, type Referenced } from "./check.ts";

/** The checks for the machine `target`; with `all` also of kernels that it never chooses. */
export function convnextChecks(target: ChoosingProfile, { all }: { all: boolean }): Check[] {
  const { depthwiseConv2d, ...ops } = convnextOps();
  const [byDefault, ...others] = variantNames(target, DEPTHWISE);
  const depthwise = [byDefault, ...target.software && !all ? [] : others];
  return [
    ...Object.entries(ops).flatMap(([name, op]) => checksOfReferenced(name, op, target)),
    ...depthwise.flatMap((variant) =>
      checksOfReferenced(`depthwiseConv2d, ${variant}`, depthwiseConv2d, {
        ...target,
        chooser: pinned(variant),
      })
    ),
  ];
}

/** The layers, with gradients. */
export function convnextOps(): Record<"depthwiseConv2d", Referenced> & Record<string, Referenced> {
  return {
    "conv2d's bias, of images": biasOp(),
    layerNorm: layerNormOp(),
    gelu: geluOp(),
    layerScale: layerScaleOp(),
    depthwiseConv2d: depthwiseOp(),
  };
}

/** Several tiles in a row, and tails of tiles. */
const DEPTHWISE = { N: 3, H: 11, W: 17, C: 20 };

/** A bias on patches of 2 × 2 pixels. */
function biasOp(): Referenced {
  const sizes = { N: 5, H: 22, W: 27, C: 4, K: 12, R: 2, S: 2, stride: 2, padding: 0 };
  const { N, H, W, C, K, R, S, stride, padding: pad } = sizes, pixels = 5 * 11 * 13;
  return {
    shapes: { x: [N, H, W, C], w: [R, S, C, K], bias: [K] },
    trained: ["w", "bias"],
    op: (tape, { x, w, bias }) => conv2d(tape, { x, w, bias, stride, pad, name: "patches" }),
    reference: ({ x, w, bias }) => conv2dReference({ x, w }, sizes).map((sum, i) => sum + bias[i % K]),
    tolerance: {
      y: sumError(R * S * C + 1),
      dx: sumError(R * S * K),
      dw: sumError(pixels),
      dbias: sumError(pixels),
    },
  };
}

function depthwiseOp(): Referenced {
  const { N, H, W, C } = DEPTHWISE, sizes = { ...DEPTHWISE, R: SIDE, S: SIDE };
  return {
    shapes: { x: [N, H, W, C], w: [SIDE, SIDE, 1, C], bias: [C] },
    trained: ["w", "bias"],
    op: (tape, { x, w, bias }) => depthwiseConv2d(tape, { x, w, bias, name: "depthwise" }),
    reference: ({ x, w, bias }) => depthwiseReference({ x, w, bias }, sizes),
    tolerance: { y: sumError(50), dx: sumError(49), dw: sumError(N * H * W), dbias: sumError(N * H * W) },
  };
}

function layerNormOp(): Referenced {
  const M = 133, C = 76;
  return {
    shapes: { x: [M, C], gamma: [C], beta: [C] },
    trained: ["gamma", "beta"],
    op: (tape, { x, gamma, beta }) => layerNorm(tape, { x, gamma, beta, name: "norm" }),
    reference: ({ x, gamma, beta }) => layerNormReference({ x, gamma, beta }, { C }),
    // A few ulps of a normalized value, as in batch normalization.
    tolerance: { y: 2 ** -18, dx: 2 ** -17, dgamma: 2 * sumError(M) + 2 ** -18, dbeta: sumError(M) },
  };
}

function geluOp(): Referenced {
  const shape = [65, 36];
  return {
    shapes: { x: shape },
    // Into the tails of the distribution.
    values: { x: hashSigned("gelu.x", 65 * 36).map((u) => 6 * u) },
    op: (tape, { x }) => gelu(tape, { x, name: "gelu" }),
    reference: ({ x }) => geluReference(x),
    tolerance: { y: 2 ** -19, dx: 2 ** -19 },
  };
}

function layerScaleOp(): Referenced {
  const M = 133, C = 20;
  return {
    shapes: { x: [M, C], scale: [C], residual: [M, C] },
    trained: ["scale"],
    op: (tape, { x, scale, residual }) => layerScale(tape, { x, scale, residual, name: "scale" }),
    reference: ({ x, scale, residual }) => layerScaleReference({ x, scale, residual }, { C }),
    tolerance: { y: 2 ** -22, dx: 2 ** -23, dscale: sumError(M), dresidual: 2 ** -23 },
  };
}
