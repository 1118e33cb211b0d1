import { cosine } from "./cosine.ts";

/** Sizes and weights: β of the negatives, α the temperature. */
export interface InfoNceSizes {
  N: number;
  D: number;
  beta: number;
  alpha: number;
}

/**
 * The terms of the loss between BYOL's and SimCLR's, one for each row of q [2N, D], view 1 before view 2: 2 − 2·cos to the
 * other view's row of z, plus 2βα times the logarithm of the sum of exp(cos / α) over all rows of z but its own. The loss
 * is their sum divided by N.
 */
export function infoNceTerms(
  { q, z }: Record<"q" | "z", ArrayLike<number>>,
  { N, D, beta, alpha }: InfoNceSizes,
): Float64Array {
  return Float64Array.from({ length: 2 * N }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < 2 * N; k++) {
      if (k !== i) sum += Math.exp((cosine([q, i], [z, k], D) - 1) / alpha);
    }
    const logarithm = 1 / alpha + Math.log(sum);
    return 2 - 2 * cosine([q, i], [z, (i + N) % (2 * N)], D) + 2 * beta * alpha * logarithm;
  });
}

/** The loss itself. */
export function infoNce(operands: Record<"q" | "z", ArrayLike<number>>, sizes: InfoNceSizes): number {
  return infoNceTerms(operands, sizes).reduce((sum, term) => sum + term, 0) / sizes.N;
}
