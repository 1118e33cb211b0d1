/**
 * The features of an evaluation's rows (raw pixels, the untrained encoder, the trained one) in one pass over the images.
 *
 * @module
 */
import { type BadImage, evaluationBatches, type ImageNote } from "../../data/pipeline.ts";
import type { Samples } from "./data.ts";
import {
  createFeatureExtractor,
  type FeatureExtractor,
  type FeatureMaker,
  type LabeledFeatures,
  pixelMaker,
  traceFeatures,
} from "./features.ts";
import { imageDigests } from "./image_digests.ts";
import { buildEncoder, type EvaluatedEncoder, plainRecipe, writeEncoder } from "./evaluated_encoder.ts";
import type { RowName } from "./types.ts";
import type { Precision } from "../nn/parameters.ts";
import { MachineError } from "../base/errors.ts";
import type { Gpu } from "../gpu/device.ts";
import { Memory } from "../gpu/memory.ts";
import { obstacleTo, planMemory } from "../graph/plan.ts";
import { type ChoosingProfile, deviceProfileOf, type KernelChooser } from "../graph/kernel_choice.ts";

/** Features of the same samples, by row. */
export interface CollectedFeatures {
  sets: Map<RowName, LabeledFeatures>;
  /** The number of each image in the whole source. */
  indices: number[];
  /** A digest of each image. */
  digests: number[];
}

/** Makes features of views. */
type Maker = FeatureMaker<Float32Array<ArrayBuffer>>;

/** Images an encoder takes at once, if they fit the GPU. */
export const ENCODED = 128;

/** How many images the encoder can take at once on this machine: at most `most`, or that halved a few times. */
export function evaluationBatch(
  encoder: EvaluatedEncoder,
  { gpu, target, most = ENCODED, precision }: {
    gpu: Gpu;
    target: ChoosingProfile;
    most?: number;
    precision?: Precision;
  },
): number {
  let obstacle: string | null = null;
  for (let batch = most; batch >= 1; batch /= 2) {
    const { dispatches, features } = traceEncoder(encoder, { batch, target, precision });
    obstacle = obstacleTo(planMemory(dispatches, [features], gpu.limits), gpu.limits);
    if (!obstacle) return batch;
  }
  throw new MachineError(
    `Cannot compute features of "${encoder.name}" on this GPU: ${obstacle}, even with one image at a time. Lower --size.`,
  );
}

/** Traces `encoder` in evaluation mode, to plan its memory and time its kernels. */
export function traceEncoder(
  encoder: EvaluatedEncoder,
  { batch, target, precision }: { batch: number; target: ChoosingProfile; precision?: Precision },
): ReturnType<typeof traceFeatures> {
  const { layer } = buildEncoder(encoder, { gradients: false, precision });
  return traceFeatures(target, { encoder: layer, batch, size: encoder.size, precision });
}

/** Computes the features of all rows from the same images. Dispose of it to free the encoders. */
export class FeatureCollector implements Disposable {
  readonly #memory: Memory;
  readonly #extractors = new Map<RowName, FeatureExtractor>();

  constructor(
    gpu: Gpu,
    readonly options: {
      encoder: EvaluatedEncoder;
      /** The encoder that the run started from; only for its row. */
      initial?: EvaluatedEncoder | null;
      rows: readonly RowName[];
      /** Seed of the untrained encoder. */
      seed: number;
      workers: number;
      /** Images with a shorter side, in pixels, are left out. Default: 1. */
      minSide?: number;
      chooser?: KernelChooser;
      precision?: Precision;
      signal?: AbortSignal;
      onBad(bad: BadImage): void;
      onNote?(note: ImageNote): void;
    },
  ) {
    const { encoder, initial, rows, seed, chooser, precision } = options;
    this.#memory = new Memory(gpu);
    this.batch = evaluationBatch(encoder, { gpu, target: deviceProfileOf(gpu, chooser), precision });
    for (const name of rows) {
      if (name === "raw pixels") continue;
      const built = buildEncoder(encoder, { gradients: false, precision });
      const from = name === "untrained" ? { seed } : name === "initial" ? initial! : encoder;
      writeEncoder(this.#memory, built, from);
      const extraction = { encoder: built.layer, batch: this.batch, size: encoder.size, chooser, precision };
      this.#extractors.set(name, createFeatureExtractor(this.#memory, extraction));
    }
  }

  /** Images per batch. */
  readonly batch: number;

  /** Features of `samples`, with the labels of their source. Images that cannot be used are left out. */
  async collect(samples: Samples): Promise<CollectedFeatures> {
    const { rows, encoder: { size } } = this.options;
    const makers = rows.map((name) => [name, this.#extractors.get(name) ?? pixelMaker(size)] as const);
    return await this.#collect(samples, { makers, batch: this.batch });
  }

  /** Features of `samples` by another encoder for images of the same size, at most `batch` at a time. */
  async collectBy(
    maker: Maker,
    { samples, batch }: { samples: Samples; batch: number },
  ): Promise<LabeledFeatures> {
    const { sets } = await this.#collect(samples, { makers: [["trained", maker]], batch });
    return sets.get("trained")!;
  }

  async #collect(
    { source }: Samples,
    { makers, batch }: { makers: (readonly [RowName, Maker])[]; batch: number },
  ): Promise<CollectedFeatures> {
    const { encoder, workers, minSide, signal, onBad, onNote } = this.options, { size } = encoder;
    const labels: number[] = [], indices: number[] = [], digests: number[] = [];
    const recipe = plainRecipe(encoder);
    const images = { source, batch, size, recipe, workers, minSide, onBad, onNote };
    for await (const views of evaluationBatches(images)) {
      signal?.throwIfAborted();
      for (const [, maker] of makers) await maker.add(views.images, views.labels.length);
      labels.push(...views.labels);
      indices.push(...views.indices);
      digests.push(...imageDigests(views.images, { n: views.labels.length, size }));
      views.release();
    }
    const sets = new Map<RowName, LabeledFeatures>();
    for (const [name, maker] of makers) {
      const features = await maker.take();
      sets.set(name, { features, labels: Int32Array.from(labels), dims: features.length / labels.length });
    }
    return { sets, indices, digests };
  }

  [Symbol.dispose](): void {
    for (const extractor of this.#extractors.values()) extractor[Symbol.dispose]();
    this.#memory[Symbol.dispose]();
  }
}
