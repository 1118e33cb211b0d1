/**
 * What a run measures, besides the records that its callbacks receive.
 *
 * @module
 */

/** kNN accuracies before the first step, 0 … 1. */
export interface KnnBefore {
  /** Accuracy of raw pixels. */
  rawPixels: number;
  /** Accuracy of the encoder before training: untrained, or with the weights that it started from. */
  untrained: number;
}
