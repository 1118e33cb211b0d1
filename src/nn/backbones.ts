/**
 * The backbones, as data.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";

/** The layers of a residual network. */
export interface ResNetConfig {
  /** Two 3 × 3 convolutions, or 1 × 1, 3 × 3, 1 × 1 with four times the width at the end. */
  block: "basic" | "bottleneck";
  /** Blocks of each stage. */
  layers: readonly number[];
  /** Width of each stage; the first is also the stem's. */
  widths: readonly number[];
}

/** The stem: 3 × 3 for small images, or 7 × 7 with stride 2 and max pooling. */
export type Stem = "cifar" | "imagenet";

/** The names of the built-in backbones. */
export type BackboneName = "resnet8" | "resnet20" | "resnet18" | "resnet34" | "resnet50";

/** The backbones by name. */
export const backbones = {
  resnet8: { block: "basic", layers: [1, 1, 1], widths: [16, 32, 64] },
  resnet20: { block: "basic", layers: [3, 3, 3], widths: [16, 32, 64] },
  resnet18: { block: "basic", layers: [2, 2, 2, 2], widths: [64, 128, 256, 512] },
  resnet34: { block: "basic", layers: [3, 4, 6, 3], widths: [64, 128, 256, 512] },
  resnet50: { block: "bottleneck", layers: [3, 4, 6, 3], widths: [64, 128, 256, 512] },
} as const satisfies Record<BackboneName, ResNetConfig>;

/** The backbone called `name`; a {@linkcode UserError} names the known ones. */
export function backboneByName(name: string): ResNetConfig {
  if (!Object.hasOwn(backbones, name)) {
    throw new UserError(
      `Cannot build the backbone "${name}": there is none of this name. Use one of ${
        Object.keys(backbones).join(", ")
      }.`,
    );
  }
  return backbones[name as keyof typeof backbones];
}
