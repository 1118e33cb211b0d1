/**
 * kNN on held-out samples, for the encoder and for raw pixels.
 *
 * @module
 */
import type { Gpu } from "../gpu/device.ts";
import type { Memory } from "../gpu/memory.ts";
import type { Layer } from "../nn/layers.ts";
import { collectFeatures, createFeatureExtractor, type ImageBatch, rawPixels } from "./features.ts";
import { knnAccuracy, usualK } from "./knn.ts";

/** The samples that vote, and those that are asked about, each time read anew. */
export interface KnnData {
  references: () => AsyncIterable<ImageBatch>;
  queries: () => AsyncIterable<ImageBatch>;
  /** Images of a batch at most, and pixels of their side. */
  batch: number;
  size: number;
}

/** kNN accuracy, 0 … 1, of `encoder` with the weights in `memory` and its running statistics. */
export async function encoderKnn(
  gpu: Gpu,
  { memory, encoder, references, queries, batch, size }: KnnData & { memory: Memory; encoder: Layer },
): Promise<number> {
  using extractor = createFeatureExtractor(memory, { encoder, batch, size });
  return await knn(gpu, {
    references: await collectFeatures(references(), extractor.extract),
    queries: await collectFeatures(queries(), extractor.extract),
  });
}

/** kNN accuracy, 0 … 1, of the normalised pixels themselves. */
export async function rawPixelKnn(gpu: Gpu, { references, queries, size }: KnnData): Promise<number> {
  const pixels = (images: Float32Array, n: number) => rawPixels(images, { n, size });
  return await knn(gpu, {
    references: await collectFeatures(references(), pixels),
    queries: await collectFeatures(queries(), pixels),
  });
}

function knn(gpu: Gpu, sets: Omit<Parameters<typeof knnAccuracy>[1], "k">): Promise<number> {
  return knnAccuracy(gpu, {
    ...sets,
    k: usualK(sets.references.labels.filter((label) => label >= 0).length),
  });
}
