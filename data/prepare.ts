/**
 * The stage that decodes read samples and draws their views.
 *
 * @module
 */
import { messageOf } from "../src/base/errors.ts";
import { keyedRandom } from "../src/base/random.ts";
import type { PreparedGroup } from "./collate.ts";
import { orderedMap } from "./ordered_map.ts";
import type { PixelCache } from "./pixel_cache.ts";
import type { Pool, PoolResult, Prepared, Task } from "./pool.ts";
import type { ReadSample } from "./read.ts";
import { UnreachableError } from "./sources/http_connection.ts";
import type { IndexedSource } from "./sources/types.ts";
import type { TransformStream } from "./streams.ts";
import { numberIn } from "./subset.ts";

/** How samples are prepared. */
export interface PrepareOptions {
  /** Groups processed at a time. */
  concurrency: number;
  /** Keeps decoded images. */
  cache?: PixelCache;
  /** Where substitutes for bad images are drawn from. */
  substitutes?: IndexedSource;
  /** Called with each newly decoded image that can be used and looks wrong. */
  onNote?(note: ImageNote): void;
}

/** What looks wrong about an image that can be used. */
export interface ImageNote {
  /** The image's number in the source. */
  index: number;
  /** Its name in the source. */
  key: string;
  /** What looks wrong, the same words for the same thing. */
  note: string;
}

/** Prepares groups of samples in `pool`, in order. */
export function prepare(pool: Pool, options: PrepareOptions): TransformStream<ReadSample[], PreparedGroup> {
  return orderedMap((samples) => prepareGroup(pool, { samples, ...options }), options.concurrency);
}

async function prepareGroup(
  pool: Pool,
  { samples, cache, substitutes, onNote }: PrepareOptions & { samples: ReadSample[] },
): Promise<PreparedGroup> {
  const result = await pool.run(samples.map((sample) => taskOf(sample, cache)));
  const rejections = result.rejections.map((rejection, i) => {
    const { failure } = samples[i];
    return failure === null ? rejection : { reason: failure };
  });
  const images = [...result.images], used: PoolResult[] = [result], shown = [...samples];
  for (const [i, sample] of samples.entries()) {
    const note = result.notes[i];
    if (note !== null) onNote?.({ index: sample.index, key: sample.key, note });
    if (images[i]) cache?.set(sample.index, imageOf(images[i]));
    else if (substitutes && !rejections[i]?.leftOut) {
      const other = await substituteFor(sample, { pool, cache, source: substitutes });
      if (!other) continue;
      images[i] = other.result.images[0];
      shown[i] = { ...sample, label: other.label };
      used.push(other.result);
    }
  }
  return { samples: shown, images, rejections, release: () => used.forEach(({ release }) => release()) };
}

function taskOf({ epoch, index, bytes, fileRange }: Omit<Task, "decoded">, cache?: PixelCache): Task {
  return { epoch, index, bytes, fileRange, decoded: cache?.get(index) };
}

function imageOf({ width, height, pixels }: Prepared) {
  return { width, height, data: pixels };
}

/** Keeps the draws of substitutes apart from all others. */
const SUBSTITUTE_KEY = 2 ** 53 - 3;
/** If this many images drawn as substitutes are bad too, there is no substitute. */
const MAX_SUBSTITUTE_TRIES = 10;

/**
 * A good image in place of a bad one, which depends only on the bad one's index. Its views are drawn with the bad one's
 * key; its label is its own.
 */
async function substituteFor(
  { epoch, index }: ReadSample,
  { pool, cache, source }: { pool: Pool; cache?: PixelCache; source: IndexedSource },
): Promise<{ result: PoolResult; label: number | null } | null> {
  const random = keyedRandom(SUBSTITUTE_KEY, index);
  for (let attempt = 0; attempt < MAX_SUBSTITUTE_TRIES; attempt++) {
    const other = random.integer(source.length);
    const bytes = await source.read(other).then((image) => image.bytes, (error) => {
      if (error instanceof UnreachableError) throw error; // that says nothing of the image
      return messageOf(error);
    });
    if (typeof bytes === "string") continue;
    const result = await pool.run([{ epoch, index, bytes, decoded: cache?.get(numberIn(source, other)) }]);
    if (result.images[0]) return { result, label: source.label(other) };
    result.release();
  }
  return null;
}
