/**
 * Rotates the hue: torchvision's `adjust_hue`.
 *
 * The conversion to HSV and back takes one step. With V the largest channel, C its difference to the smallest and h the hue
 * in sixths of a turn, red is V − C·clamp(min(k, 4 − k)) with k = (5 + h) mod 6; green has 3 and blue 1 instead of 5.
 */
import { clamp } from "./clamp.ts";

/** Shifts the hue of `pixels`, [H, W, 4] in [0, 1], by `turns` in [−.5, .5] of the color wheel. */
export function adjustHue(pixels: Float32Array, turns: number): void {
  for (let i = 0; i < pixels.length; i += 4) {
    const r = pixels[i], g = pixels[i + 1], b = pixels[i + 2];
    const value = Math.max(r, g, b), chroma = value - Math.min(r, g, b);
    if (chroma === 0) continue; // gray has no hue
    let hue = 6 * turns +
      (value === r ? (g - b) / chroma : value === g ? 2 + (b - r) / chroma : 4 + (r - g) / chroma);
    if (hue < 0) hue += 6;
    if (hue >= 6) hue -= 6;
    pixels[i] = value - chroma * fall(hue + 5);
    pixels[i + 1] = value - chroma * fall(hue + 3);
    pixels[i + 2] = value - chroma * fall(hue + 1);
  }
}

/** How far a channel lies below the largest, in units of the chroma; `k` in [0, 12) is its hue in sixths of a turn. */
function fall(k: number): number {
  if (k >= 6) k -= 6;
  return clamp(Math.min(k, 4 - k));
}
