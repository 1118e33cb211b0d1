/**
 * Layers: functions that declare their parameters in a scope and return how to apply them.
 *
 * @module
 */
import type { Tape } from "../graph/tape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { batchNorm } from "../ops/batch_norm.ts";
import { conv2d } from "../ops/conv2d.ts";
import { depthwiseConv2d } from "../ops/depthwise_conv2d.ts";
import { layerNorm } from "../ops/layer_norm.ts";
import { linear } from "../ops/linear.ts";
import { constant, kaimingNormal, uniformByFanIn } from "./init.ts";
import { convLayout, depthwiseLayout, linearLayout, vectorLayout } from "./layout.ts";
import type { Initializer, Scope } from "./parameters.ts";

/** A layer: appends its ops to the tape. */
export type Layer = (tape: Tape, x: Tensor) => Tensor;

/** A convolution without bias, padded so that stride 1 keeps the size. Images of 3 channels come padded to 4. */
export function convLayer(
  scope: Scope,
  { inChannels, outChannels, kernelSize, stride }: {
    inChannels: number;
    outChannels: number;
    kernelSize: number;
    stride: number;
  },
): Layer {
  const w = scope.parameter("weight", {
    layout: convLayout({ inChannels, outChannels, kernelSize }),
    init: kaimingNormal(outChannels * kernelSize * kernelSize),
  });
  return (tape, x) => conv2d(tape, { x, w, stride, pad: (kernelSize - 1) / 2, name: scope.prefix });
}

/** A convolution with bias of patches of `side` × `side` pixels that touch; pixels beyond the last whole patch do not count. */
export function patchLayer(
  scope: Scope,
  { inChannels, outChannels, side, init }: {
    inChannels: number;
    outChannels: number;
    side: number;
    init: Initializer;
  },
): Layer {
  const w = scope.parameter("weight", {
    layout: convLayout({ inChannels, outChannels, kernelSize: side }),
    init,
  });
  const bias = scope.parameter("bias", { layout: vectorLayout(outChannels), init: constant(0) });
  return (tape, x) => conv2d(tape, { x, w, bias, stride: side, pad: 0, name: scope.prefix });
}

/** A depthwise convolution of 7 × 7 pixels with bias; it keeps the size. */
export function depthwiseLayer(
  scope: Scope,
  { channels, init }: { channels: number; init: Initializer },
): Layer {
  const w = scope.parameter("weight", { layout: depthwiseLayout({ channels, kernelSize: 7 }), init });
  const bias = scope.parameter("bias", { layout: vectorLayout(channels), init: constant(0) });
  return (tape, x) => depthwiseConv2d(tape, { x, w, bias, name: scope.prefix });
}

/** A normalization of the channels of each pixel. */
export function layerNormLayer(scope: Scope, { channels }: { channels: number }): Layer {
  const layout = vectorLayout(channels);
  const gamma = scope.parameter("weight", { layout, init: constant(1) });
  const beta = scope.parameter("bias", { layout, init: constant(0) });
  return (tape, x) => layerNorm(tape, { x, gamma, beta, name: scope.prefix });
}

/** What may follow a batch normalization in the same kernel. */
export interface Epilogue {
  relu?: boolean;
  /** Added before the activation. */
  residual?: Tensor;
}

/** A batch normalization of `channels` channels. */
export function batchNormLayer(
  scope: Scope,
  { channels }: { channels: number },
): (tape: Tape, x: Tensor, epilogue?: Epilogue) => Tensor {
  const layout = vectorLayout(channels);
  const gamma = scope.parameter("weight", { layout, init: constant(1) });
  const beta = scope.parameter("bias", { layout, init: constant(0) });
  const runningMean = scope.statistic("running_mean", { layout, init: constant(0) });
  const runningVar = scope.statistic("running_var", { layout, init: constant(1) });
  return (tape, x, { relu = false, residual } = {}) =>
    batchNorm(tape, { x, gamma, beta, runningMean, runningVar, relu, residual, name: scope.prefix });
}

/** A linear layer, with or without bias; by default initialized as PyTorch's. */
export function linearLayer(
  scope: Scope,
  { inFeatures, outFeatures, bias, init }: {
    inFeatures: number;
    outFeatures: number;
    bias: boolean;
    init?: { weight: Initializer; bias: Initializer };
  },
): Layer {
  const byFanIn = uniformByFanIn(inFeatures);
  const w = scope.parameter("weight", {
    layout: linearLayout({ inFeatures, outFeatures }),
    init: init?.weight ?? byFanIn,
  });
  const b = bias
    ? scope.parameter("bias", { layout: vectorLayout(outFeatures), init: init?.bias ?? byFanIn })
    : undefined;
  return (tape, x) => linear(tape, { x, w, b, name: scope.prefix });
}

/** Linear → batch normalization → ReLU → linear without bias: the paper's projector and predictor (section 3.3). */
export function mlp(
  scope: Scope,
  { inFeatures, hidden, outFeatures }: { inFeatures: number; hidden: number; outFeatures: number },
): Layer {
  const first = linearLayer(scope.child("0"), { inFeatures, outFeatures: hidden, bias: true });
  const norm = batchNormLayer(scope.child("1"), { channels: hidden });
  const last = linearLayer(scope.child("3"), { inFeatures: hidden, outFeatures, bias: false });
  return (tape, x) => last(tape, norm(tape, first(tape, x), { relu: true }));
}
