/** Gaussian blur: torchvision's `gaussian_blur`, with its reflected borders. */

/** A Gaussian of `sigma` pixels sampled at `kernelSize` points around its center, with sum 1. */
export function blurWeights({ sigma, kernelSize }: { sigma: number; kernelSize: number }): Float64Array {
  const radius = (kernelSize - 1) / 2;
  const kernel = Float64Array.from(
    { length: kernelSize },
    (_, k) => Math.exp(-.5 * ((k - radius) / sigma) ** 2),
  );
  const sum = kernel.reduce((a, b) => a + b);
  return kernel.map((weight) => weight / sum);
}

/**
 * The middle weights of {@linkcode blurWeights}, without the outer ones whose sum is at most 2⁻²¹, a few roundings of
 * float32. At σ = 1 this leaves 11 of the 23 weights at 224 px.
 */
export function shortBlurWeights(options: { sigma: number; kernelSize: number }): Float64Array {
  const weights = blurWeights(options);
  let outside = 0, skipped = 0;
  while (2 * (outside + weights[skipped]) < 2 ** -21) outside += weights[skipped++];
  return weights.subarray(skipped, weights.length - skipped);
}

/** Holds one image between the two passes. The buffer grows to the largest image and is reused. */
let rows = new Float32Array(0);

/**
 * Blurs `pixels`, [size, size, 4], with a Gaussian of `sigma` pixels sampled at `kernelSize` points (odd, at most
 * 2·size − 1). torchvision convolves with the outer product of the two kernels; here there are two passes.
 */
export function gaussianBlur(
  pixels: Float32Array,
  { size, sigma, kernelSize }: { size: number; sigma: number; kernelSize: number },
): void {
  const radius = (kernelSize - 1) / 2;
  const kernel = blurWeights({ sigma, kernelSize });
  // reflected[i + radius] is the pixel at i, mirrored if i lies outside; the border is not repeated.
  const reflected = Int32Array.from({ length: size + 2 * radius }, (_, k) => {
    const i = Math.abs(k - radius);
    return i < size ? i : 2 * (size - 1) - i;
  });
  if (rows.length < pixels.length) rows = new Float32Array(pixels.length);

  for (let y = 0, o = 0; y < size; y++) {
    for (let x = 0; x < size; x++, o += 4) {
      let r = 0, g = 0, b = 0;
      for (let k = 0; k < kernelSize; k++) {
        const i = (y * size + reflected[x + k]) * 4, weight = kernel[k];
        r += weight * pixels[i];
        g += weight * pixels[i + 1];
        b += weight * pixels[i + 2];
      }
      rows[o] = r;
      rows[o + 1] = g;
      rows[o + 2] = b;
    }
  }
  for (let y = 0, o = 0; y < size; y++) {
    for (let x = 0; x < size; x++, o += 4) {
      let r = 0, g = 0, b = 0;
      for (let k = 0; k < kernelSize; k++) {
        const i = (reflected[y + k] * size + x) * 4, weight = kernel[k];
        r += weight * rows[i];
        g += weight * rows[i + 1];
        b += weight * rows[i + 2];
      }
      pixels[o] = r;
      pixels[o + 1] = g;
      pixels[o + 2] = b;
    }
  }
}
