/**
 * kNN on held-out samples, for the encoder and for raw pixels.
 *
 * @module
 */
import type { Gpu } from "../gpu/device.ts";
import type { Memory } from "../gpu/memory.ts";
import type { Pick } from "../graph/kernel_choice.ts";
import type { Layer } from "../nn/layers.ts";
import type { LoaderOptions } from "../views/view_uploader.ts";
import {
  collectFeatures,
  createFeatureExtractor,
  type ImageBatch,
  type Images,
  pixelMaker,
} from "./features.ts";
import { knnAccuracy, usualK } from "./knn.ts";

/** The samples that vote, and those that are asked about, each time read anew. */
export interface KnnData<I extends Images = Images> {
  references: () => AsyncIterable<ImageBatch<I>>;
  queries: () => AsyncIterable<ImageBatch<I>>;
  /** Images of a batch at most, and pixels of their side. */
  batch: number;
  size: number;
  /** Ends the evaluation by its reason when aborted. */
  signal?: AbortSignal;
}

/** kNN accuracy, 0 … 1 or null without labels on both sides, of `encoder` with the weights in `memory` and its running statistics. */
export async function encoderKnn(
  gpu: Gpu,
  { memory, encoder, references, queries, batch, size, signal, pick, loading }: KnnData & {
    memory: Memory;
    encoder: Layer;
    /** How the GPU makes views of decoded images; null if it is given views. */
    loading?: LoaderOptions | null;
    /** How kernels are chosen. */
    pick?: Pick;
  },
): Promise<number | null> {
  using extractor = createFeatureExtractor(memory, { encoder, batch, size, loading, pick });
  return await knn(gpu, {
    references: await collectFeatures(references(), { maker: extractor, signal }),
    queries: await collectFeatures(queries(), { maker: extractor, signal }),
  });
}

/** kNN accuracy, 0 … 1 or null without labels on both sides, of the normalised pixels themselves. */
export async function rawPixelKnn(
  gpu: Gpu,
  { references, queries, size, signal }: KnnData<Float32Array<ArrayBuffer>>,
): Promise<number | null> {
  const maker = pixelMaker(size);
  return await knn(gpu, {
    references: await collectFeatures(references(), { maker, signal }),
    queries: await collectFeatures(queries(), { maker, signal }),
  });
}

async function knn(gpu: Gpu, sets: Omit<Parameters<typeof knnAccuracy>[1], "k">): Promise<number | null> {
  const [references, queries] = [sets.references, sets.queries].map(({ labels }) =>
    labels.reduce((count, label) => count + (label >= 0 ? 1 : 0), 0)
  );
  return references && queries ? await knnAccuracy(gpu, { ...sets, k: usualK(references) }) : null;
}
