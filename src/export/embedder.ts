/**
 * An encoder on the GPU that gives vectors of decoded images, batch by batch, without waiting for each.
 *
 * @module
 */
import type { PackedImage } from "../../data/views/table.ts";
import { buildEncoder, type EvaluatedEncoder, writeEncoder } from "../eval/evaluated_encoder.ts";
import { IMAGES_PER_READ, traceFeatures } from "../eval/features.ts";
import { ENCODED, evaluationBatch, traceEncoder } from "../eval/feature_sets.ts";
import type { ChooseKernels } from "../eval/kernels.ts";
import type { Gpu } from "../gpu/device.ts";
import { GatheredRows } from "../gpu/gathered_rows.ts";
import { Memory } from "../gpu/memory.ts";
import { deviceProfileOf, type KernelChooser } from "../graph/kernel_choice.ts";
import { Program } from "../graph/program.ts";
import { regionOf } from "../graph/tensor.ts";
import type { Precision } from "../nn/parameters.ts";
import { createViewFeed, type ViewFeed } from "../views/view_uploader.ts";
import { buildProjector, type Projector } from "./projector.ts";

/** An encoder, and what of it is wanted. */
export interface EmbedderOptions {
  encoder: EvaluatedEncoder;
  /** Computes projections; null for features. */
  projector: Projector | null;
  /** Divide each vector by its length. */
  normalize: boolean;
  /** In what the encoder and the projector compute; vectors are float32. */
  precision: Precision;
}

/** Images that are to be embedded together. */
export interface PackedBatch {
  images: readonly PackedImage[];
  /** Returns the memory of the images. */
  release?(): void;
}

/** Some batches whose vectors are computed and read back together. */
interface Read<B> {
  batches: { batch: B; count: number }[];
  vectors: Promise<Float32Array<ArrayBuffer>>;
}

/** Chooses the kernels for `encoder`; what has to be timed for that is timed now. */
export function chooseEncoderKernels(
  encoder: EvaluatedEncoder,
  { choose, precision }: { choose: ChooseKernels; precision: Precision },
): Promise<KernelChooser | undefined> {
  return choose((target) => traceEncoder(encoder, { batch: ENCODED, target, precision }));
}

/** Computes vectors. Dispose of it to free the encoder. */
export class Embedder implements Disposable {
  readonly #memory: Memory;
  readonly #program: Program;
  readonly #feed: ViewFeed;
  /** One is read back while the other is filled. */
  readonly #rows: [GatheredRows, GatheredRows];
  readonly #normalize: boolean;
  /** Images that are computed before any is read back, at least. */
  readonly #perRead: number;
  /** Most images of a batch. */
  readonly batch: number;
  /** Length of a vector. */
  readonly dims: number;

  constructor(
    gpu: Gpu,
    { encoder, projector, normalize, precision, chooser }: EmbedderOptions & { chooser?: KernelChooser },
  ) {
    const { size, mean, std } = encoder, memory = new Memory(gpu), target = deviceProfileOf(gpu, chooser);
    this.#memory = memory;
    this.batch = evaluationBatch(encoder, { gpu, target, precision });
    const built = buildEncoder(encoder, { gradients: false, precision });
    writeEncoder(memory, built, encoder);
    const traced = traceFeatures(target, {
      encoder: built.layer,
      projector: projector ? buildProjector(projector, { dims: built.dims, memory, precision }) : undefined,
      batch: this.batch,
      size,
      loading: { views: [], mean, std, decodeSize: size },
      precision,
    });
    const vectors = traced.projections ?? traced.features;
    this.#program = new Program(memory, { dispatches: traced.dispatches, keep: [vectors] });
    this.#feed = createViewFeed(memory, {
      program: this.#program,
      store: traced.store,
      traced: traced.loader,
    });
    this.dims = vectors.shape[1];
    this.#normalize = normalize;
    // A wait lets a GPU idle. An adapter that computes on the CPU has nothing to lose, and its images are slow.
    this.#perRead = gpu.software ? this.batch : IMAGES_PER_READ;
    const gather = () =>
      new GatheredRows(memory, {
        from: regionOf(vectors),
        dims: this.dims,
        batch: this.batch,
        rows: this.#perRead,
      });
    this.#rows = [gather(), gather()];
  }

  /** The vectors [count, dims] of each of `batches`, in order. Batches are read ahead of what is taken. One call at a time. */
  async *embed<B extends PackedBatch>(
    batches: AsyncIterable<B> | Iterable<B>,
  ): AsyncGenerator<{ batch: B; vectors: Float32Array<ArrayBuffer> }> {
    let filling: Read<B>["batches"] = [], count = 0, current = 0, reading: Read<B> | null = null;
    try {
      for await (const batch of batches) {
        const rows = this.#rows[current], n = batch.images.length;
        this.#feed.run(batch.images);
        batch.release?.();
        filling.push({ batch, count: n });
        count += n;
        const added = rows.add(n); // submits at once, and waits for the GPU if its buffer is full
        if (count < this.#perRead) {
          await added;
          continue;
        }
        const vectors = added.then(() => rows.take());
        vectors.catch(() => {}); // it is thrown when its turn comes
        const ready: Read<B> | null = reading;
        reading = { batches: filling, vectors };
        [filling, count, current] = [[], 0, 1 - current];
        if (ready) yield* this.#deliver(ready);
      }
      const ready = reading;
      reading = null;
      if (ready) yield* this.#deliver(ready);
      if (count > 0) yield* this.#deliver({ batches: filling, vectors: this.#rows[current].take() });
    } finally {
      // What was computed and is not wanted any more must not come with the next images.
      await reading?.vectors.catch(() => {});
      await this.#rows[current].take().catch(() => {});
    }
  }

  async *#deliver<B>({ batches, vectors }: Read<B>) {
    const all = await vectors;
    let at = 0;
    for (const { batch, count } of batches) {
      const own = all.subarray(at * this.dims, (at += count) * this.dims);
      if (this.#normalize) normalizeRows(own, this.dims);
      yield { batch, vectors: own };
    }
  }

  [Symbol.dispose](): void {
    this.#rows.forEach((rows) => rows[Symbol.dispose]());
    this.#program[Symbol.dispose]();
    this.#memory[Symbol.dispose]();
  }
}

/** Divides each row of `dims` numbers by its length, in place; a row of zeros stays one. */
function normalizeRows(vectors: Float32Array, dims: number): void {
  for (let begin = 0; begin < vectors.length; begin += dims) {
    let sum = 0;
    for (let d = 0; d < dims; d++) sum += vectors[begin + d] ** 2;
    const scale = sum > 0 ? 1 / Math.sqrt(sum) : 0;
    for (let d = 0; d < dims; d++) vectors[begin + d] *= scale;
  }
}
