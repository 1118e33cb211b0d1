/** Removes color: torchvision's `rgb_to_grayscale` with three output channels. */

/** Luma of red, green and blue in [0, 1] (ITU-R BT.601, with torchvision's digits). */
export function luma(r: number, g: number, b: number): number {
  return .2989 * r + .587 * g + .114 * b;
}

/** Sets each pixel of `pixels`, [H, W, 4] in [0, 1], to its luma. */
export function grayscale(pixels: Float32Array): void {
  for (let i = 0; i < pixels.length; i += 4) {
    pixels[i] = pixels[i + 1] = pixels[i + 2] = luma(pixels[i], pixels[i + 1], pixels[i + 2]);
  }
}
