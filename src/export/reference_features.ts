/**
 * The encoder's own features, to compare an exported model with.
 *
 * @module
 */
import { buildEncoder, type EvaluatedEncoder, writeEncoder } from "../eval/evaluated_encoder.ts";
import { evaluationBatch } from "../eval/feature_sets.ts";
import { createFeatureExtractor } from "../eval/features.ts";
import { openGpu } from "../gpu/device.ts";
import { Memory } from "../gpu/memory.ts";
import { deviceProfileOf } from "../graph/kernel_choice.ts";

/** Images that the GPU takes at once, if they fit. */
const BATCH = 8;

/** An encoder on the GPU. Dispose of it to free the GPU. */
export interface ReferenceEncoder extends Disposable {
  /** The features of normalized `views` [n, size, size, 4], as rows: [n, D]. */
  featuresOf(views: Float32Array<ArrayBuffer>): Promise<Float32Array>;
}

/** Puts `encoder` on the GPU, with the adapter's default kernels. */
export async function openReference(encoder: EvaluatedEncoder): Promise<ReferenceEncoder> {
  using opened = new DisposableStack();
  const gpu = opened.use(await openGpu());
  const batch = evaluationBatch(encoder, { gpu, target: deviceProfileOf(gpu), most: BATCH });
  const memory = opened.use(new Memory(gpu)), built = buildEncoder(encoder, { gradients: false });
  writeEncoder(memory, built, encoder);
  const { size } = encoder, options = { encoder: built.layer, batch, size };
  const extractor = opened.use(createFeatureExtractor(memory, options));
  const kept = opened.move();
  return {
    async featuresOf(views) {
      const length = 4 * size * size, count = views.length / length;
      for (let i = 0; i < count; i += batch) {
        const n = Math.min(batch, count - i), images = new Float32Array(batch * length);
        images.set(views.subarray(i * length, (i + n) * length));
        await extractor.add(images, n);
      }
      return await extractor.take();
    },
    [Symbol.dispose]: () => kept.dispose(),
  };
}

/** The largest distance between rows of `actual` and `expected` [n, dims], relative to the length of the expected one. */
export function largestDistance(
  actual: ArrayLike<number>,
  { expected, dims }: { expected: ArrayLike<number>; dims: number },
): number {
  if (actual.length !== expected.length) return Infinity;
  let largest = 0;
  for (let row = 0; row < expected.length; row += dims) {
    let distance = 0, length = 0;
    for (let i = row; i < row + dims; i++) {
      distance += (actual[i] - expected[i]) ** 2;
      length += expected[i] ** 2;
    }
    largest = Math.max(largest, Math.sqrt(distance / (length || 1))); // NaN stays
  }
  return largest;
}
