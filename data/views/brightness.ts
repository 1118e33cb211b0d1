/** Scales toward black: torchvision's `adjust_brightness`. */
import { clamp } from "./clamp.ts";

/** Multiplies `pixels`, [H, W, 4] in [0, 1], by `factor` ≥ 0 and clamps. */
export function adjustBrightness(pixels: Float32Array, factor: number): void {
  for (let i = 0; i < pixels.length; i += 4) {
    pixels[i] = clamp(factor * pixels[i]);
    pixels[i + 1] = clamp(factor * pixels[i + 1]);
    pixels[i + 2] = clamp(factor * pixels[i + 2]);
  }
}
