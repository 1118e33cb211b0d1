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
  /** For bottlenecks: their inner width is `width` · `widthPerGroup` / 64, as in torchvision. Default: 64. */
  widthPerGroup?: number;
}

/** The layers of a ConvNeXt (Liu et al. 2022). */
export interface ConvNeXtConfig {
  /** The one kind of block: 7 × 7 depthwise, norm, linear, GELU, linear. */
  block: "convnext";
  /** Blocks of each stage. */
  layers: readonly number[];
  /** Width of each stage; the first is also the stem's. */
  widths: readonly number[];
}

/** The layers of a backbone. */
export type BackboneConfig = ResNetConfig | ConvNeXtConfig;

/**
 * The stem. Of a residual network: 3 × 3 for small images (`cifar`), or 7 × 7 with stride 2 and max pooling (`imagenet`). Of a
 * ConvNeXt: patches of 2 × 2 or of 4 × 4 pixels.
 */
export type Stem = "cifar" | "imagenet";

/** The names of the built-in backbones: torchvision's, and the wider ones of the paper (section 4.2, Table 1). */
export type BackboneName =
  | "resnet8"
  | "resnet20"
  | "resnet18"
  | "resnet34"
  | "resnet50"
  | "resnet101"
  | "resnet152"
  | "wide_resnet50_2"
  | "wide_resnet101_2"
  | "resnet50x2"
  | "resnet50x4"
  | "resnet200x2"
  | "convnext_tiny"
  | "convnext_small";

/** The widths of torchvision's stages, times `factor`. */
const widths = (factor: number) => [64, 128, 256, 512].map((width) => factor * width);

/** The backbones by name. */
export const backbones = {
  resnet8: { block: "basic", layers: [1, 1, 1], widths: [16, 32, 64] },
  resnet20: { block: "basic", layers: [3, 3, 3], widths: [16, 32, 64] },
  resnet18: { block: "basic", layers: [2, 2, 2, 2], widths: widths(1) },
  resnet34: { block: "basic", layers: [3, 4, 6, 3], widths: widths(1) },
  resnet50: { block: "bottleneck", layers: [3, 4, 6, 3], widths: widths(1) },
  resnet101: { block: "bottleneck", layers: [3, 4, 23, 3], widths: widths(1) },
  resnet152: { block: "bottleneck", layers: [3, 8, 36, 3], widths: widths(1) },
  // Wider inside each block only (Zagoruyko and Komodakis 2016).
  wide_resnet50_2: { block: "bottleneck", layers: [3, 4, 6, 3], widths: widths(1), widthPerGroup: 128 },
  wide_resnet101_2: { block: "bottleneck", layers: [3, 4, 23, 3], widths: widths(1), widthPerGroup: 128 },
  resnet50x2: { block: "bottleneck", layers: [3, 4, 6, 3], widths: widths(2) },
  resnet50x4: { block: "bottleneck", layers: [3, 4, 6, 3], widths: widths(4) },
  resnet200x2: { block: "bottleneck", layers: [3, 24, 36, 3], widths: widths(2) },
  convnext_tiny: { block: "convnext", layers: [3, 3, 9, 3], widths: [96, 192, 384, 768] },
  convnext_small: { block: "convnext", layers: [3, 3, 27, 3], widths: [96, 192, 384, 768] },
} satisfies Readonly<Record<BackboneName, BackboneConfig>>;

/** The backbone called `name`; a {@linkcode UserError} names the known ones. */
export function backboneByName(name: string): BackboneConfig {
  if (!Object.hasOwn(backbones, name)) {
    throw new UserError(
      `Cannot build the backbone "${name}": there is none of this name. Use one of ${
        Object.keys(backbones).join(", ")
      }.`,
    );
  }
  return backbones[name as BackboneName];
}
