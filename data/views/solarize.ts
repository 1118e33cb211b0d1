/** Inverts bright values: torchvision's `solarize`. */

/** Replaces each value x ≥ `threshold` of `pixels`, [H, W, 4] in [0, 1], by 1 − x. */
export function solarize(pixels: Float32Array, threshold: number): void {
  for (let i = 0; i < pixels.length; i += 4) {
    for (let c = i; c < i + 3; c++) {
      if (pixels[c] >= threshold) pixels[c] = 1 - pixels[c];
    }
  }
}
