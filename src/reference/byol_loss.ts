import { cosine } from "./cosine.ts";

/**
 * BYOL's loss of N images: the predictions q [2N, D] of the online network and the projections z [2N, D] of the
 * target network, view 1 before view 2. Each view's prediction is compared with the other view's projection; the
 * two terms 2 − 2·cos of an image are added, and the images averaged.
 */
export function byolLoss(
  { q, z }: Record<"q" | "z", ArrayLike<number>>,
  { N, D }: { N: number; D: number },
): number {
  let loss = 0;
  for (let n = 0; n < N; n++) {
    loss += (2 - 2 * cosine([q, n], [z, N + n], D)) / N;
    loss += (2 - 2 * cosine([q, N + n], [z, n], D)) / N;
  }
  return loss;
}
