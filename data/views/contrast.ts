/** Blends with the mean gray: torchvision's `adjust_contrast`. */
import { clamp } from "./clamp.ts";
import { luma } from "./grayscale.ts";

/** Blends `pixels`, [H, W, 4] in [0, 1], with the mean of their luma: `factor` 0 gives gray, 1 changes nothing. */
export function adjustContrast(pixels: Float32Array, factor: number): void {
  let sum = 0;
  for (let i = 0; i < pixels.length; i += 4) sum += luma(pixels[i], pixels[i + 1], pixels[i + 2]);
  const offset = (1 - factor) * sum / (pixels.length / 4);
  for (let i = 0; i < pixels.length; i += 4) {
    pixels[i] = clamp(factor * pixels[i] + offset);
    pixels[i + 1] = clamp(factor * pixels[i + 1] + offset);
    pixels[i + 2] = clamp(factor * pixels[i + 2] + offset);
  }
}
