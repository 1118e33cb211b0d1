/** Blends each pixel with its gray value: torchvision's `adjust_saturation`. */
import { clamp } from "./clamp.ts";
import { luma } from "./grayscale.ts";

/** Blends `pixels`, [H, W, 4] in [0, 1], with their luma: `factor` 0 gives gray, 1 changes nothing. */
export function adjustSaturation(pixels: Float32Array, factor: number): void {
  for (let i = 0; i < pixels.length; i += 4) {
    const r = pixels[i], g = pixels[i + 1], b = pixels[i + 2];
    const offset = (1 - factor) * luma(r, g, b);
    pixels[i] = clamp(factor * r + offset);
    pixels[i + 1] = clamp(factor * g + offset);
    pixels[i + 2] = clamp(factor * b + offset);
  }
}
