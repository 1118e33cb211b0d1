/**
 * Residual networks (He et al. 2015) under torchvision's names.
 *
 * @module
 */
import { globalAveragePool } from "../ops/global_average_pool.ts";
import { maxPool } from "../ops/max_pool.ts";
import type { ResNetConfig, Stem } from "./backbones.ts";
import { batchNormLayer, convLayer, type Layer } from "./layers.ts";
import type { Scope } from "./parameters.ts";

/** Images [N, H, W, 4] → features [N, width of the last stage, times four for bottlenecks]. */
export function resnet(scope: Scope, { config, stem }: { config: ResNetConfig; stem: Stem }): Layer {
  const { block, layers, widths, widthPerGroup = 64 } = config;
  const kernelSize = stem === "cifar" ? 3 : 7;
  const conv1 = convLayer(scope.child("conv1"), {
    inChannels: 3,
    outChannels: widths[0],
    kernelSize,
    stride: stem === "cifar" ? 1 : 2,
  });
  const bn1 = batchNormLayer(scope.child("bn1"), { channels: widths[0] });
  const blocks: Layer[] = [];
  let inChannels = widths[0];
  layers.forEach((count, stage) => {
    for (let i = 0; i < count; i++) {
      const build = block === "basic" ? basicBlock : bottleneck;
      blocks.push(build(scope.child(`layer${stage + 1}`).child(`${i}`), {
        inChannels,
        width: widths[stage],
        inner: widths[stage] * widthPerGroup / 64,
        stride: stage > 0 && i === 0 ? 2 : 1,
      }));
      inChannels = widths[stage] * (block === "basic" ? 1 : 4);
    }
  });
  return (tape, images) => {
    let x = bn1(tape, conv1(tape, images), { relu: true });
    if (stem === "imagenet") {
      x = maxPool(tape, { x, window: 3, stride: 2, pad: 1, name: scope.name("maxpool") });
    }
    for (const block of blocks) x = block(tape, x);
    return globalAveragePool(tape, { x, name: scope.name("avgpool") });
  };
}

interface BlockOptions {
  inChannels: number;
  width: number;
  /** Width of a bottleneck's first two convolutions. */
  inner: number;
  stride: number;
}

function basicBlock(scope: Scope, { inChannels, width, stride }: BlockOptions): Layer {
  const conv1 = convLayer(scope.child("conv1"), { inChannels, outChannels: width, kernelSize: 3, stride });
  const bn1 = batchNormLayer(scope.child("bn1"), { channels: width });
  const conv2 = convLayer(scope.child("conv2"), {
    inChannels: width,
    outChannels: width,
    kernelSize: 3,
    stride: 1,
  });
  const bn2 = batchNormLayer(scope.child("bn2"), { channels: width });
  const shortcut = projection(scope, { inChannels, outChannels: width, stride });
  return (tape, x) => {
    const residual = shortcut(tape, x);
    const h = bn1(tape, conv1(tape, x), { relu: true });
    return bn2(tape, conv2(tape, h), { relu: true, residual });
  };
}

function bottleneck(scope: Scope, { inChannels, width, inner, stride }: BlockOptions): Layer {
  const outChannels = width * 4;
  const conv1 = convLayer(scope.child("conv1"), { inChannels, outChannels: inner, kernelSize: 1, stride: 1 });
  const bn1 = batchNormLayer(scope.child("bn1"), { channels: inner });
  const conv2 = convLayer(scope.child("conv2"), {
    inChannels: inner,
    outChannels: inner,
    kernelSize: 3,
    stride,
  });
  const bn2 = batchNormLayer(scope.child("bn2"), { channels: inner });
  const conv3 = convLayer(scope.child("conv3"), { inChannels: inner, outChannels, kernelSize: 1, stride: 1 });
  const bn3 = batchNormLayer(scope.child("bn3"), { channels: outChannels });
  const shortcut = projection(scope, { inChannels, outChannels, stride });
  return (tape, x) => {
    const residual = shortcut(tape, x);
    let h = bn1(tape, conv1(tape, x), { relu: true });
    h = bn2(tape, conv2(tape, h), { relu: true });
    return bn3(tape, conv3(tape, h), { relu: true, residual });
  };
}

/** The shortcut: x itself, or a 1 × 1 convolution where the shape changes. */
function projection(
  scope: Scope,
  { inChannels, outChannels, stride }: { inChannels: number; outChannels: number; stride: number },
): Layer {
  if (stride === 1 && inChannels === outChannels) return (_, x) => x;
  const downsample = scope.child("downsample");
  const conv = convLayer(downsample.child("0"), { inChannels, outChannels, kernelSize: 1, stride });
  const norm = batchNormLayer(downsample.child("1"), { channels: outChannels });
  return (tape, x) => norm(tape, conv(tape, x));
}
