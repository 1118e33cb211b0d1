/**
 * The learning-rate schedule: linear warm-up, then a cosine to 0 (paper, appendix C.1).
 *
 * @module
 */

/**
 * The learning rate of `step`, 0 … `total` − 1, with peak `lr` after a warm-up of `warmup` · `total` steps. The first
 * step of a warm-up of w steps has lr / w, as a step of size 0 would be wasted.
 */
export function learningRate(
  step: number,
  { lr, total, warmup }: { lr: number; total: number; warmup: number },
): number {
  const warm = Math.round(warmup * total);
  if (step < warm) return lr * (step + 1) / warm;
  return 0.5 * lr * (1 + Math.cos(Math.PI * (step - warm) / Math.max(1, total - warm)));
}
