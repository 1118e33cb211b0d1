/**
 * ConvNeXt (Liu et al. 2022) under torchvision's names. It has no batch normalization: each pixel's channels are normalized.
 *
 * Stochastic depth, with which torchvision trains it, is left out: it keeps supervised training of hundreds of epochs from
 * overfitting, and BYOL's views and moving average do that here.
 *
 * @module
 */
import { gelu } from "../ops/gelu.ts";
import { globalAveragePool } from "../ops/global_average_pool.ts";
import { layerScale } from "../ops/layer_scale.ts";
import type { ConvNeXtConfig, Stem } from "./backbones.ts";
import { constant, normal } from "./init.ts";
import { depthwiseLayer, type Layer, layerNormLayer, linearLayer, patchLayer } from "./layers.ts";
import { scaleLayout } from "./layout.ts";
import type { Scope } from "./parameters.ts";

/** What blocks add to their shortcuts at first, of 1: those of deep networks learn their way in. */
const LAYER_SCALE = 1e-6;
/** All weights but the norms' are drawn from a normal distribution of this deviation. */
const init = normal(0.02);

/**
 * Pixels on a side of the stem's patches: torchvision's 4 × 4, or 2 × 2 for small images, of which four stages make 2 × 2
 * pixels from 32 × 32. Patches of 4 × 4 would leave one pixel, where 49 taps see 48 zeros.
 */
export function patchSide(stem: Stem): number {
  return stem === "imagenet" ? 4 : 2;
}

/** Images [N, H, W, 4] → features [N, width of the last stage]. */
export function convnext(scope: Scope, { config, stem }: { config: ConvNeXtConfig; stem: Stem }): Layer {
  const { layers, widths } = config, features = scope.child("features"), steps: Layer[] = [];
  layers.forEach((count, stage) => {
    const width = widths[stage], first = features.child(`${2 * stage}`);
    steps.push(
      stage === 0 ? patches(first, { width, side: patchSide(stem) }) : halving(first, {
        inChannels: widths[stage - 1],
        width,
      }),
    );
    const blocks = features.child(`${2 * stage + 1}`);
    for (let i = 0; i < count; i++) steps.push(block(blocks.child(`${i}`), { width }));
  });
  const norm = layerNormLayer(scope.child("classifier").child("0"), { channels: widths[widths.length - 1] });
  return (tape, images) => {
    let x = images;
    for (const step of steps) x = step(tape, x);
    return norm(tape, globalAveragePool(tape, { x, name: scope.name("avgpool") }));
  };
}

/** The stem: a convolution of patches of the images, then a norm. */
function patches(scope: Scope, { width, side }: { width: number; side: number }): Layer {
  const conv = patchLayer(scope.child("0"), { inChannels: 3, outChannels: width, side, init });
  const norm = layerNormLayer(scope.child("1"), { channels: width });
  return (tape, x) => norm(tape, conv(tape, x));
}

/** What lies between two stages: a norm, then a convolution that halves the sides. */
function halving(scope: Scope, { inChannels, width }: { inChannels: number; width: number }): Layer {
  const norm = layerNormLayer(scope.child("0"), { channels: inChannels });
  const conv = patchLayer(scope.child("1"), { inChannels, outChannels: width, side: 2, init });
  return (tape, x) => conv(tape, norm(tape, x));
}

/** x + layer scale · (7 × 7 depthwise → norm → linear → GELU → linear) */
function block(scope: Scope, { width }: { width: number }): Layer {
  const parts = scope.child("block");
  const scale = scope.parameter("layer_scale", { layout: scaleLayout(width), init: constant(LAYER_SCALE) });
  const depthwise = depthwiseLayer(parts.child("0"), { channels: width, init });
  const norm = layerNormLayer(parts.child("2"), { channels: width });
  const widen = linearLayer(parts.child("3"), {
    inFeatures: width,
    outFeatures: 4 * width,
    bias: true,
    init: { weight: init, bias: constant(0) },
  });
  const narrow = linearLayer(parts.child("5"), {
    inFeatures: 4 * width,
    outFeatures: width,
    bias: true,
    init: { weight: init, bias: constant(0) },
  });
  return (tape, x) => {
    const h = widen(tape, norm(tape, depthwise(tape, x)));
    const branch = narrow(tape, gelu(tape, { x: h, name: parts.name("4") }));
    return layerScale(tape, { x: branch, scale, residual: x, name: scope.name("layer_scale") });
  };
}
