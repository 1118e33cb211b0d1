/**
 * kNN accuracy on held-out samples, of an encoder and of raw pixels.
 *
 * @module
 */
import type { Gpu } from "../gpu/device.ts";
import type { Memory } from "../gpu/memory.ts";
import type { KernelChooser } from "../graph/kernel_choice.ts";
import type { Layer } from "../nn/layers.ts";
import type { LoaderOptions } from "../views/view_uploader.ts";
import {
  collectFeatures,
  createFeatureExtractor,
  type ImageBatch,
  type Images,
  pixelMaker,
} from "./features.ts";
import { defaultK, knnAccuracy } from "./knn.ts";

/** Reference and query samples; each call reads them again. */
export interface KnnData<I extends Images = Images> {
  references: () => AsyncIterable<ImageBatch<I>>;
  queries: () => AsyncIterable<ImageBatch<I>>;
  /** Images per batch at most. */
  batch: number;
  /** Side of the images in pixels. */
  size: number;
  /** Ends the evaluation with its reason when aborted. */
  signal?: AbortSignal;
}

/**
 * kNN accuracy in 0 … 1 of `encoder`, by the weights in `memory` and its running statistics; null if no query has a
 * class that a reference has.
 */
export async function encoderKnn(
  gpu: Gpu,
  { memory, encoder, references, queries, batch, size, signal, chooser, loading }: KnnData & {
    memory: Memory;
    encoder: Layer;
    /** How the GPU makes views of decoded images; null if it gets views. */
    loading?: LoaderOptions | null;
    /** How kernels are chosen. */
    chooser?: KernelChooser;
  },
): Promise<number | null> {
  using extractor = createFeatureExtractor(memory, { encoder, batch, size, loading, chooser });
  return await knnOrNull(gpu, {
    references: await collectFeatures(references(), { maker: extractor, signal }),
    queries: await collectFeatures(queries(), { maker: extractor, signal }),
  });
}

/** kNN accuracy in 0 … 1 of the normalized pixels themselves; null if no query has a class that a reference has. */
export async function rawPixelKnn(
  gpu: Gpu,
  { references, queries, size, signal }: KnnData<Float32Array<ArrayBuffer>>,
): Promise<number | null> {
  const maker = pixelMaker(size);
  return await knnOrNull(gpu, {
    references: await collectFeatures(references(), { maker, signal }),
    queries: await collectFeatures(queries(), { maker, signal }),
  });
}

/** kNN accuracy in 0 … 1 with the default k; null if no query has a class that a reference has. */
export async function knnOrNull(
  gpu: Gpu,
  sets: Omit<Parameters<typeof knnAccuracy>[1], "k">,
): Promise<number | null> {
  const known = new Set(sets.references.labels);
  if (!sets.queries.labels.some((label) => label >= 0 && known.has(label))) return null;
  const references = sets.references.labels.reduce((count, label) => count + (label >= 0 ? 1 : 0), 0);
  return await knnAccuracy(gpu, { ...sets, k: defaultK(references) });
}
