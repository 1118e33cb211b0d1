/**
 * Features of images under an encoder with its running statistics.
 *
 * @module
 */
import {
  createViewFeed,
  type LoaderOptions,
  type TracedLoader,
  traceLoader,
} from "../views/view_uploader.ts";
import type { PackedImage } from "../../data/views/table.ts";
import { GatheredRows, joinedRows } from "../gpu/gathered_rows.ts";
import type { Memory, Store } from "../gpu/memory.ts";
import { Program } from "../graph/program.ts";
import type { Dispatch } from "../graph/dispatch_list.ts";
import { Tape } from "../graph/tape.ts";
import { type ChoosingProfile, deviceProfileOf, type KernelChooser } from "../graph/kernel_choice.ts";
import { bytesOf, regionOf, type Tensor, tensorIn } from "../graph/tensor.ts";
import { expectHalves } from "../nn/halves.ts";
import type { Precision } from "../nn/parameters.ts";
import { addInto } from "../ops/add.ts";
import { toFloat32 } from "../ops/cast.ts";

/** Features of images with their labels. */
export interface LabeledFeatures {
  /** [n, dims]: a row per image. */
  features: Float32Array<ArrayBuffer>;
  /** [n]: the class of each image, −1 without a label. */
  labels: Int32Array<ArrayBuffer>;
  /** Length of a row. */
  dims: number;
}

/** The given `rows` of the features, with their labels. */
export function rowsOf(
  { features, labels, dims }: LabeledFeatures,
  rows: ArrayLike<number>,
): LabeledFeatures {
  const kept = new Float32Array(rows.length * dims);
  for (let i = 0; i < rows.length; i++) {
    kept.set(features.subarray(rows[i] * dims, (rows[i] + 1) * dims), i * dims);
  }
  return { features: kept, labels: Int32Array.from(rows, (row) => labels[row]), dims };
}

/** Views of images, [n, size, size, 4], or decoded images from which the GPU makes views. */
export type Images = Float32Array<ArrayBuffer> | readonly PackedImage[];

/** A batch of an evaluation pipeline. */
export interface ImageBatch<I extends Images = Images> {
  images: I;
  labels: Int32Array<ArrayBuffer>;
  release(): void;
}

/** Images whose features, cosines or scores are read back at once, at least. */
export const IMAGES_PER_READ = 512;

/** Computes features of images, a batch at a time. */
export interface FeatureMaker<I extends Images = Images> {
  /** Computes the features of `n` images. Waits for the GPU at most once in {@linkcode IMAGES_PER_READ} images. */
  add(images: I, n: number): Promise<void>;
  /** The features of all images added since the last call, [images, dims]. Waits for the GPU. */
  take(): Promise<Float32Array<ArrayBuffer>>;
}

/** An encoder in evaluation mode, for batches of up to `batch` images. Dispose of it to free its activations. */
export interface FeatureExtractor extends FeatureMaker, Disposable {
  /** `project`: also compute their projections. */
  add(images: Images, n: number, options?: { project?: boolean }): Promise<void>;
  /** The projections of the images added with `project` since the last call, [images, D]. Waits for the GPU. */
  takeProjections(): Promise<Float32Array<ArrayBuffer>>;
  readonly dims: number;
}

/** An encoder, and the batches it takes. */
interface Extraction {
  encoder: (tape: Tape, images: Tensor) => Tensor;
  /** What follows the encoder, if projections are needed. */
  projector?: (tape: Tape, features: Tensor) => Tensor;
  batch: number;
  /** Side of the images in pixels. */
  size: number;
  /** How the GPU makes views of decoded images; null if it gets views. */
  loading?: LoaderOptions | null;
  /** With "mixed", images are float16, and networks that were declared so compute in it. Results are float32. Default: "f32". */
  precision?: Precision;
}

/** Traces the encoder in evaluation mode for the machine `target`, from images in `store` to `features`. */
export function traceFeatures(
  target: ChoosingProfile,
  { encoder, projector, batch, size, loading, precision = "f32" }: Extraction,
): {
  dispatches: Dispatch[];
  features: Tensor;
  projections: Tensor | null;
  store: Store;
  loader: TracedLoader | null;
} {
  const tape = new Tape(target, { training: false, views: 1, add: addInto });
  const shape = [batch, size, size, 4], type = precision === "mixed" ? "f16" : "f32";
  if (type === "f16") expectHalves(target, "compute features");
  const store: Store = { name: "images", category: "input", bytes: bytesOf({ shape, type }), type };
  const images = tensorIn(store, { shape, type });
  // An evaluation has one view, for which nothing is drawn; its images have the size of the view already.
  const loader = loading ? traceLoader(tape, { ...loading, views: [], decodeSize: size, images }) : null;
  const made = tape.noGrad(() => encoder(tape, images)), features = toFloat32(tape, made);
  const projected = projector && tape.noGrad(() => projector(tape, made));
  const projections = projected ? toFloat32(tape, projected) : null;
  return { dispatches: tape.dispatches, features, projections, store, loader };
}

/** Prepares `encoder`, whose weights `memory` holds, for evaluation. */
export function createFeatureExtractor(
  memory: Memory,
  { chooser, ...extraction }: Extraction & { chooser?: KernelChooser },
): FeatureExtractor {
  const { dispatches, features, projections, store, loader } = traceFeatures(
    deviceProfileOf(memory.gpu, chooser),
    extraction,
  );
  const program = new Program(memory, { dispatches, keep: [features, ...projections ? [projections] : []] });
  const feed = createViewFeed(memory, { program, store, traced: loader });
  const gathered = (tensor: Tensor) => {
    const sizes = { dims: tensor.shape[1], batch: extraction.batch, rows: IMAGES_PER_READ };
    return new GatheredRows(memory, { ...sizes, from: regionOf(tensor) });
  };
  const made = gathered(features), projected = projections && gathered(projections);
  const projecting = () => {
    if (!projected) throw new TypeError("Cannot project: the extractor was made without a projector.");
    return projected;
  };
  return {
    dims: features.shape[1],
    async add(images, n, { project = false } = {}) {
      feed.run(images);
      await made.add(n);
      if (project) await projecting().add(n);
    },
    take: () => made.take(),
    takeProjections: () => projecting().take(),
    [Symbol.dispose]() {
      made[Symbol.dispose]();
      projected?.[Symbol.dispose]();
      program[Symbol.dispose]();
      memory.free([store, ...(loader ? [loader.pixels, loader.table] : [])]);
    },
  };
}

/** Larger images are averaged down to about this side: the baseline is meant to be cheap. */
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

/** Makes {@linkcode rawPixels} of views of `size` pixels. */
export function pixelMaker(size: number): FeatureMaker<Float32Array<ArrayBuffer>> {
  let rows: Float32Array[] = [];
  return {
    add(images, n) {
      rows.push(rawPixels(images, { n, size }));
      return Promise.resolve();
    },
    take() {
      const all = joinedRows(rows);
      rows = [];
      return Promise.resolve(all);
    },
  };
}

/** The features of `batches` by `maker`, with their labels. Throws the reason of `signal` if it is aborted. */
export async function collectFeatures<I extends Images>(
  batches: AsyncIterable<ImageBatch<I>>,
  { maker, signal }: { maker: FeatureMaker<I>; signal?: AbortSignal },
): Promise<LabeledFeatures> {
  const labels: number[] = [];
  for await (const batch of batches) {
    signal?.throwIfAborted();
    await maker.add(batch.images, batch.labels.length);
    labels.push(...batch.labels);
    batch.release();
  }
  const features = await maker.take();
  return {
    features,
    labels: Int32Array.from(labels),
    dims: labels.length ? features.length / labels.length : 0,
  };
}
