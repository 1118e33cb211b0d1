/** Encoders with random weights, as files. */
import { join } from "node:path";
import { keyedRandom } from "../../src/base/random.ts";
import { type Backbone, backboneConfigOf, backboneText } from "../../src/config/backbone.ts";
import { buildEncoder } from "../../src/eval/evaluated_encoder.ts";
import { writeSafetensors } from "../../src/io/safetensors.ts";
import type { BackboneConfig, Stem } from "../../src/nn/backbones.ts";
import { drawWeights, type TorchTensor, unpackWeights } from "../../src/nn/weights.ts";

/** A small network of each kind. */
export const networks = {
  "basic blocks, CIFAR stem": {
    config: { block: "basic", layers: [1, 2], widths: [8, 12] },
    stem: "cifar",
    size: 20,
  },
  "wide bottlenecks, ImageNet stem": {
    config: { block: "bottleneck", layers: [2, 1], widths: [8, 16], widthPerGroup: 128 },
    stem: "imagenet",
    size: 37,
  },
  "ConvNeXt, CIFAR stem": {
    config: { block: "convnext", layers: [1, 2], widths: [8, 12] },
    stem: "cifar",
    size: 21,
  },
  "ConvNeXt, ImageNet stem": {
    config: { block: "convnext", layers: [1, 1, 1], widths: [8, 12, 16] },
    stem: "imagenet",
    size: 37,
  },
} as const satisfies Record<string, { config: BackboneConfig; stem: Stem; size: number }>;

/** What is known of an encoder that comes from no file. */
export const drawnOrigin = {
  path: "drawn",
  name: "drawn",
  backbone: "drawn",
  fingerprint: null,
  prefix: "",
  others: 0,
  metadata: {},
};

/** Tensors drawn by `seed`, whose biases, layer scales and running statistics are not those a network starts with. */
export function drawnTensors(
  shape: { config: BackboneConfig; stem: Stem },
  seed: number,
): Map<string, TorchTensor> {
  const { network: { parameters, statistics } } = buildEncoder(shape, { gradients: false });
  const random = keyedRandom(seed, 1);
  const tensors = new Map(
    [parameters, statistics].flatMap((flat) => [
      ...unpackWeights(flat, { content: drawWeights(flat, { seed }) }),
    ]),
  );
  for (const [name, { data }] of tensors) {
    const isVariance = name.endsWith("running_var");
    if (isVariance) data.forEach((_, i) => data[i] = random.between(.5, 2));
    else if (name.endsWith("layer_scale")) data.forEach((_, i) => data[i] = random.between(.5, 1.5));
    else if (/running_mean|bias$/.test(name)) data.forEach((_, i) => data[i] = random.between(-.5, .5));
  }
  return tensors;
}

/** Writes a drawn encoder to `folder`; returns its path. */
export async function writeDrawnEncoder(
  folder: string,
  { backbone, stem, size, mean = [.485, .456, .406], std = [.229, .224, .225] }: {
    backbone: Backbone;
    stem: Stem;
    size: number;
    mean?: number[];
    std?: number[];
  },
): Promise<string> {
  const path = join(folder, "encoder.safetensors");
  const metadata = {
    backbone: backboneText(backbone),
    stem,
    size: `${size}`,
    mean: JSON.stringify(mean),
    std: JSON.stringify(std),
    fingerprint: "of the images",
  };
  await writeSafetensors(path, {
    tensors: drawnTensors({ config: backboneConfigOf(backbone), stem }, 3),
    metadata,
  });
  return path;
}
