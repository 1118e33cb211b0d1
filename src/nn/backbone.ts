/**
 * The backbone f, of any kind.
 *
 * @module
 */
import type { BackboneConfig, Stem } from "./backbones.ts";
import { convnext, patchSide } from "./convnext.ts";
import type { Layer } from "./layers.ts";
import type { Scope } from "./parameters.ts";
import { resnet } from "./resnet.ts";

/** A backbone: its layers, and the first of them. */
export interface BackboneOptions {
  config: BackboneConfig;
  stem: Stem;
}

/** The backbone f: images [N, H, W, 4] → features [N, {@linkcode featuresOf}]. */
export function backbone(scope: Scope, { config, stem }: BackboneOptions): Layer {
  return config.block === "convnext" ? convnext(scope, { config, stem }) : resnet(scope, { config, stem });
}

/** The number of features of a backbone. */
export function featuresOf({ block, widths }: BackboneConfig): number {
  return widths[widths.length - 1] * (block === "bottleneck" ? 4 : 1);
}

/** The least side of images, in pixels: a ConvNeXt has no padding where it halves them. */
export function smallestSize({ config: { block, layers }, stem }: BackboneOptions): number {
  return block === "convnext" ? patchSide(stem) * 2 ** (layers.length - 1) : 1;
}
