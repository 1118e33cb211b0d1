/**
 * The features of an evaluation: of raw pixels, of an untrained encoder and of the trained one, in one pass over the
 * images.
 *
 * @module
 */
import { type BadImage, evaluationBatches } from "../data/pipeline.ts";
import type { Samples } from "./evaluation_data.ts";
import {
  createFeatureExtractor,
  type FeatureExtractor,
  type LabelledFeatures,
  rawPixels,
  traceFeatures,
} from "./eval/features.ts";
import { buildEncoder, contentOf, type EvaluatedEncoder, plainRecipe } from "./evaluated_encoder.ts";
import { MachineError } from "./errors.ts";
import type { Gpu } from "./gpu/device.ts";
import { Memory } from "./gpu/memory.ts";
import { obstacleTo, planMemory } from "./graph/plan.ts";
import { type Pick, type Target, targetOf } from "./graph/target.ts";

/** What is evaluated, in the order of the table. */
export const rowNames = ["raw pixels", "untrained", "trained"] as const;
export type RowName = typeof rowNames[number];

/** Features of the same samples under each of the names. */
export interface CollectedFeatures {
  sets: Map<RowName, LabelledFeatures>;
  /** Which images of the source the rows are of. */
  indices: number[];
}

/** Makes features [n, dims] of `n` images' views. */
export type Extract = (views: Float32Array<ArrayBuffer>, n: number) => Promise<Float32Array>;

/** Images that an encoder gets at once, if the GPU can hold what they take. */
export const ENCODED = 128;

/** As many images as the encoder can get at once on this machine, at most {@linkcode ENCODED}. */
export function evaluationBatch(
  encoder: EvaluatedEncoder,
  { gpu, target }: { gpu: Gpu; target: Target },
): number {
  let obstacle: string | null = null;
  for (let batch = ENCODED; batch >= 1; batch /= 2) {
    const { dispatches, features } = traceEncoder(encoder, { batch, target });
    obstacle = obstacleTo(planMemory(dispatches, [features]), gpu.limits);
    if (!obstacle) return batch;
  }
  throw new MachineError(
    `Cannot evaluate ${encoder.path} on this GPU as ${obstacle}, with one image at a time: lower --size.`,
  );
}

/** The trace that features come from, for planning and for timing kernels. */
export function traceEncoder(
  encoder: EvaluatedEncoder,
  { batch, target }: { batch: number; target: Target },
): ReturnType<typeof traceFeatures> {
  const { layer } = buildEncoder(encoder, { gradients: false });
  return traceFeatures(target, { encoder: layer, batch, size: encoder.size });
}

/** The rows' ways from images to features. Dispose of it to free the encoders. */
export class FeatureMakers implements Disposable {
  readonly #memory: Memory;
  readonly #extractors = new Map<RowName, FeatureExtractor>();

  constructor(
    gpu: Gpu,
    readonly options: {
      encoder: EvaluatedEncoder;
      rows: readonly RowName[];
      /** Of the untrained encoder. */
      seed: number;
      workers?: number;
      pick?: Pick;
      signal?: AbortSignal;
      onBad(bad: BadImage): void;
    },
  ) {
    const { encoder, rows, seed, pick } = options;
    this.#memory = new Memory(gpu);
    this.batch = evaluationBatch(encoder, { gpu, target: targetOf(gpu, pick) });
    for (const name of rows) {
      if (name === "raw pixels") continue;
      const built = buildEncoder(encoder, { gradients: false });
      for (const { store, values } of contentOf(built, name === "trained" ? encoder : { seed })) {
        this.#memory.write(store, values);
      }
      const extraction = { encoder: built.layer, batch: this.batch, size: encoder.size, pick };
      this.#extractors.set(name, createFeatureExtractor(this.#memory, extraction));
    }
  }

  /** Images of a batch. */
  readonly batch: number;

  /** Features of all of `samples`, images that cannot be used left out. */
  async collect(samples: Samples): Promise<CollectedFeatures> {
    const { size } = this.options.encoder;
    const ways = this.options.rows.map((name): [RowName, Extract] => {
      const extractor = this.#extractors.get(name);
      return [name, extractor?.extract ?? ((views, n) => Promise.resolve(rawPixels(views, { n, size })))];
    });
    return await this.#collect(samples, { ways, batch: this.batch });
  }

  /** Features of all of `samples` by another encoder of the same images, at most `batch` at a time. */
  async collectBy(
    extract: Extract,
    { samples, batch }: { samples: Samples; batch: number },
  ): Promise<LabelledFeatures> {
    const { sets } = await this.#collect(samples, { ways: [["trained", extract]], batch });
    return sets.get("trained")!;
  }

  async #collect(
    { source, first, limit, classOf }: Samples,
    { ways, batch }: { ways: [RowName, Extract][]; batch: number },
  ): Promise<CollectedFeatures> {
    const { encoder, workers, signal, onBad } = this.options, { size, decodeSize } = encoder;
    const parts = new Map<RowName, Float32Array[]>(ways.map(([name]) => [name, []]));
    const labels: number[] = [], indices: number[] = [];
    const recipe = plainRecipe(encoder);
    const images = { source, first, limit, batch, size, recipe, workers, decodeSize, onBad };
    for await (const views of evaluationBatches(images)) {
      signal?.throwIfAborted();
      for (const [name, extract] of ways) {
        parts.get(name)!.push(Float32Array.from(await extract(views.images, views.labels.length)));
      }
      labels.push(...Array.from(views.labels, (label) => label < 0 ? -1 : classOf(label)));
      indices.push(...views.indices);
      views.release();
    }
    const sets = [...parts].map(([name, pieces]) => [name, joined(pieces, labels)] as const);
    return { sets: new Map(sets), indices };
  }

  [Symbol.dispose](): void {
    for (const extractor of this.#extractors.values()) extractor[Symbol.dispose]();
    this.#memory[Symbol.dispose]();
  }
}

function joined(pieces: Float32Array[], labels: number[]): LabelledFeatures {
  const features = new Float32Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    features.set(piece, at);
    at += piece.length;
  }
  return { features, labels: Int32Array.from(labels), dims: features.length / labels.length };
}
