/**
 * What embedding needs before its first image: the encoder, the images, a GPU.
 *
 * @module
 */
import {
  type BadImage,
  type EvaluationBatch,
  evaluationBatches,
  type Position,
} from "../../data/pipeline.ts";
import { openSource } from "../../data/sources/open.ts";
import type { ImageSource } from "../../data/sources/types.ts";
import type { PackedImage } from "../../data/views/table.ts";
import { UserError } from "../base/errors.ts";
import { noteLog } from "../base/note_log.ts";
import { patiently } from "../base/patience.ts";
import { defaultWorkers } from "../config/default_values.ts";
import { dataLine, reportOn } from "../eval/data_report.ts";
import { encoderText, type EvaluatedEncoder, plainRecipe } from "../eval/evaluated_encoder.ts";
import { openKernelChoice } from "../eval/kernels.ts";
import { type EvaluatedRun, openEncoder, openRun } from "../eval/open_encoder.ts";
import { type Gpu, openGpu } from "../gpu/device.ts";
import { chooseEncoderKernels, Embedder } from "./embedder.ts";
import type { EmbedOptions, EncoderChoice } from "./embed_options.ts";
import { openProjector, type Projector } from "./projector.ts";

/** An encoder on a GPU. Dispose of it to free both. */
export interface OpenedEncoder extends Disposable {
  run: EvaluatedRun | null;
  encoder: EvaluatedEncoder;
  projector: Projector | null;
  gpu: Gpu;
  embedder: Embedder;
}

/**
 * Opens the encoder that `given` names.
 *
 * @throws {UserError} on input that cannot be used.
 * @throws {MachineError} if there is no adapter, or too little memory.
 */
export async function openEmbedder(given: EncoderChoice): Promise<OpenedEncoder> {
  if (given.run === undefined && given.encoder === undefined) {
    throw new UserError("Cannot embed without an encoder. Add --run DIR or --encoder FILE.");
  }
  const run = given.run === undefined ? null : await openRun(given.run);
  const { kernels, log = console.log, normalize = false, precision = "f32" } = given;
  const encoder = await openEncoder({ ...given, log }, run);
  const projector = given.features === "projection" ? await openProjector(encoder, run) : null;
  using opened = new DisposableStack();
  const gpu = opened.use(await openGpu());
  const choose = await openKernelChoice(gpu, { kernels, precision, log });
  const chooser = await chooseEncoderKernels(encoder, { choose, precision });
  const embedder = opened.use(new Embedder(gpu, { encoder, projector, normalize, precision, chooser }));
  const kept = opened.move();
  return { run, encoder, projector, gpu, embedder, [Symbol.dispose]: () => kept.dispose() };
}

/** A batch of images with their vectors. */
export interface EmbeddedBatch {
  batch: EvaluationBatch<PackedImage[]>;
  /** [count, dims] */
  vectors: Float32Array<ArrayBuffer>;
}

/** An encoder and images. Dispose of it to close the source, unless the options gave it open, and free the GPU. */
export interface EmbeddingSession extends OpenedEncoder {
  source: ImageSource;
  /** Images with a shorter side, in pixels, are left out. */
  minSide: number;
  /** The vectors of all images from `start` on, in source order; or of a part of the source. */
  batches(
    options?: { start?: Position; part?: ImageSource; onBad?: (bad: BadImage) => void },
  ): AsyncGenerator<EmbeddedBatch>;
}

/** Opens what `options` name. */
export async function openEmbedding(options: EmbedOptions): Promise<EmbeddingSession> {
  const { log = console.log, workers = defaultWorkers(), signal } = options;
  using opened = new DisposableStack();
  const run = options.run === undefined ? null : await openRun(options.run);
  const source = await openImages(options, run);
  if (!isOpen(options.data)) opened.defer(() => source.close());
  const parts = opened.use(await openEmbedder(options)), { encoder, gpu, embedder } = parts;
  const minSide = options.minSide ?? run?.options.minSide ?? 1;
  const how = options.precision === "mixed" ? ", in mixed precision" : "";
  log(`Embedding with ${encoderText(encoder)} on ${gpu.description}${how}: ${dataLine(reportOn(source))}`);
  const kept = opened.move();
  return {
    ...parts,
    source,
    minSide,
    batches({ start, part = source, onBad } = {}) {
      const stream = evaluationBatches<PackedImage[]>({
        source: part,
        batch: embedder.batch,
        size: encoder.size,
        recipe: plainRecipe(encoder),
        augment: "gpu",
        workers,
        minSide,
        start,
        onBad,
        onNote: noteLog(log),
      });
      return embedder.embed(patiently(stream, { signal, patienceMs: 0 }));
    },
    [Symbol.dispose]: () => kept.dispose(),
  };
}

const isOpen = (data: EmbedOptions["data"]): data is ImageSource =>
  typeof data === "object" && "kind" in data;

/** The images that the options name, else those of the run. */
async function openImages(
  { data, split, label, signal }: EmbedOptions,
  run: EvaluatedRun | null,
): Promise<ImageSource> {
  if (isOpen(data)) {
    if (split === undefined) return data;
    throw new UserError(
      `Cannot read the split "${split}" of "${data.name}": it is open. Give its name instead.`,
    );
  }
  const own = data ?? run?.options.data;
  if (own === undefined || own === null) {
    throw new UserError(
      run
        ? `Cannot embed the images of the run in "${run.out}": they were a source of a program. Add --data SOURCE.`
        : "Cannot embed without images. Add --data SOURCE.",
    );
  }
  const ofRun = data === undefined ? run!.options : null;
  return await openSource(own, {
    split: split ?? ofRun?.split ?? undefined,
    label: label ?? ofRun?.label ?? undefined,
    signal,
  });
}
