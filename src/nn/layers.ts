/**
 * Layers: functions that declare their parameters in a scope and return how to apply them.
 *
 * @module
 */
import type { Tape } from "../graph/tape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { batchNorm } from "../ops/batch_norm.ts";
import { conv2d } from "../ops/conv2d.ts";
import { linear } from "../ops/linear.ts";
import { constant, kaimingNormal, uniformByFanIn } from "./init.ts";
import { convLayout, linearLayout, vectorLayout } from "./layout.ts";
import type { Scope } from "./parameters.ts";

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

/** A linear layer, with or without bias. */
export function linearLayer(
  scope: Scope,
  { inFeatures, outFeatures, bias }: { inFeatures: number; outFeatures: number; bias: boolean },
): Layer {
  const init = uniformByFanIn(inFeatures);
  const w = scope.parameter("weight", { layout: linearLayout({ inFeatures, outFeatures }), init });
  const b = bias ? scope.parameter("bias", { layout: vectorLayout(outFeatures), init }) : undefined;
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
