/**
 * Features of images under an encoder with its running statistics.
 *
 * @module
 */
import { createViewFeed, type LoaderOptions, type TracedLoader, traceLoader } from "../augment/loader.ts";
import type { PackedImage } from "../augment/table.ts";
import type { Memory, Store } from "../gpu/memory.ts";
import { Program } from "../graph/program.ts";
import { type Dispatch, Tape } from "../graph/tape.ts";
import { type Pick, type Target, targetOf } from "../graph/target.ts";
import { regionOf, type Tensor, tensorIn } from "../graph/tensor.ts";
import { addInto } from "../ops/add.ts";

/** Rows of features with the labels of their images, −1 where there is none. */
export interface LabelledFeatures {
  /** [n, dims] */
  features: Float32Array<ArrayBuffer>;
  labels: Int32Array<ArrayBuffer>;
  dims: number;
}

/** Views of images, [n, size, size, 4], or the decoded images that the GPU makes them of. */
export type Images = Float32Array<ArrayBuffer> | readonly PackedImage[];

/** Images as an evaluation pipeline gives them. */
export interface ImageBatch<I extends Images = Images> {
  images: I;
  labels: Int32Array<ArrayBuffer>;
  release(): void;
}

/** An encoder in evaluation mode, for batches of up to `batch` images. Dispose of it to free its activations. */
export interface FeatureExtractor {
  /** Features of `n` images, [n, dims]. Waits for the GPU. */
  extract(images: Images, n: number): Promise<Float32Array>;
  /** Projections of the `n` images that were extracted last, [n, D], if there is a projector. Waits for the GPU. */
  project(n: number): Promise<Float32Array>;
  readonly dims: number;
  [Symbol.dispose](): void;
}

/** An encoder, and the images that it gets at once. */
interface Extraction {
  encoder: (tape: Tape, images: Tensor) => Tensor;
  /** What follows the encoder, if its results are asked for too. */
  projector?: (tape: Tape, features: Tensor) => Tensor;
  batch: number;
  /** Pixels of the images' side. */
  size: number;
  /** How the GPU makes views of decoded images; null if it is given views. */
  loading?: LoaderOptions | null;
}

/** Traces the encoder in evaluation mode for the machine `target`, from images in `store` to `features`. */
export function traceFeatures(
  target: Target,
  { encoder, projector, batch, size, loading }: Extraction,
): {
  dispatches: Dispatch[];
  features: Tensor;
  projections: Tensor | null;
  store: Store;
  loader: TracedLoader | null;
} {
  const tape = new Tape(target, { training: false, views: 1, add: addInto });
  const store: Store = { name: "images", category: "input", bytes: batch * size * size * 4 * 4 };
  const images = tensorIn(store, { shape: [batch, size, size, 4] });
  // Of an evaluation there is one view, which nothing is drawn for.
  const loader = loading ? traceLoader(tape, { ...loading, views: [], images }) : null;
  const features = tape.withoutGradient(() => encoder(tape, images));
  const projections = projector ? tape.withoutGradient(() => projector(tape, features)) : null;
  return { dispatches: tape.dispatches, features, projections, store, loader };
}

/** Prepares `encoder` for evaluation; its weights are those that `memory` holds. */
export function createFeatureExtractor(
  memory: Memory,
  { pick, ...extraction }: Extraction & { pick?: Pick },
): FeatureExtractor {
  const { dispatches, features, projections, store, loader } = traceFeatures(
    targetOf(memory.gpu, pick),
    extraction,
  );
  const program = new Program(memory, { dispatches, keep: [features, ...projections ? [projections] : []] });
  const feed = createViewFeed(memory, { program, store, traced: loader });
  const dims = features.shape[1];
  return {
    dims,
    async extract(values, n) {
      feed.run(values);
      return (await memory.read(features.region!)).subarray(0, n * dims);
    },
    async project(n) {
      if (!projections) throw new TypeError("Cannot project as the extractor was made without a projector");
      return (await memory.read(regionOf(projections))).subarray(0, n * projections.shape[1]);
    },
    [Symbol.dispose]() {
      program[Symbol.dispose]();
      memory.free([store, ...(loader ? [loader.pixels, loader.table] : [])]);
    },
  };
}

/** Raw pixels of more than this side are averaged down to it: the baseline is meant to be cheap. */
const RAW_SIDE = 32;

/** The pixels of `n` images [n, size, size, 4] as features, [n, side · side · 3], averaged over equal squares. */
export function rawPixels(images: Float32Array, { n, size }: { n: number; size: number }): Float32Array {
  const square = Math.ceil(size / RAW_SIDE), side = Math.floor(size / square);
  const result = new Float32Array(n * side * side * 3);
  for (let i = 0; i < n; i++) {
    for (let y = 0; y < side * square; y++) {
      for (let x = 0; x < side * square; x++) {
        const to = ((i * side + Math.floor(y / square)) * side + Math.floor(x / square)) * 3;
        const from = ((i * size + y) * size + x) * 4;
        for (let c = 0; c < 3; c++) result[to + c] += images[from + c] / (square * square);
      }
    }
  }
  return result;
}

/** All rows that `featuresOf` gives for `batches`, with their labels. Throws the reason of `signal` if it is aborted. */
export async function collectFeatures<I extends Images>(
  batches: AsyncIterable<ImageBatch<I>>,
  { featuresOf, signal }: {
    featuresOf: (images: I, n: number) => Promise<Float32Array> | Float32Array;
    signal?: AbortSignal;
  },
): Promise<LabelledFeatures> {
  const rows: Float32Array[] = [], labels: number[] = [];
  for await (const batch of batches) {
    signal?.throwIfAborted();
    rows.push(Float32Array.from(await featuresOf(batch.images, batch.labels.length)));
    labels.push(...batch.labels);
    batch.release();
  }
  const total = rows.reduce((sum, { length }) => sum + length, 0);
  const features = new Float32Array(total);
  let at = 0;
  for (const row of rows) {
    features.set(row, at);
    at += row.length;
  }
  return { features, labels: Int32Array.from(labels), dims: labels.length ? total / labels.length : 0 };
}
