/**
 * The stage that turns read samples into what batches are made of: decoded, with their views drawn.
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
import type { IndexedSource } from "./sources/types.ts";
import type { TransformStream } from "./streams.ts";

/** How samples are prepared. */
export interface PrepareOptions {
  /** Groups that are under way at a time. */
  concurrency: number;
  cache?: PixelCache;
  /** Where another image is taken from in place of one that cannot be used, out of `first` … `first + limit − 1`. */
  substitutes?: { source: IndexedSource; first: number; limit: number };
}

/** Prepares groups of samples in `pool`, in their order. */
export function prepare(pool: Pool, options: PrepareOptions): TransformStream<ReadSample[], PreparedGroup> {
  return orderedMap((samples) => prepareGroup(pool, { samples, ...options }), options.concurrency);
}

async function prepareGroup(
  pool: Pool,
  { samples, cache, substitutes }: PrepareOptions & { samples: ReadSample[] },
): Promise<PreparedGroup> {
  const result = await pool.run(samples.map((sample) => taskOf(sample, cache)));
  const reasons = result.reasons.map((reason, i) => samples[i].failure ?? reason);
  const images = [...result.images], used: PoolResult[] = [result], shown = [...samples];
  for (const [i, sample] of samples.entries()) {
    if (images[i]) cache?.set(sample.index, imageOf(images[i]));
    else if (substitutes) {
      const other = await substituteFor(sample, { pool, cache, ...substitutes });
      if (!other) continue;
      images[i] = other.result.images[0];
      shown[i] = { ...sample, label: other.label };
      used.push(other.result);
    }
  }
  return { samples: shown, images, reasons, release: () => used.forEach(({ release }) => release()) };
}

function taskOf({ epoch, index, bytes, place }: Omit<Task, "decoded">, cache?: PixelCache): Task {
  return { epoch, index, bytes, place, decoded: cache?.get(index) };
}

function imageOf({ width, height, pixels }: Prepared) {
  return { width, height, data: pixels };
}

/** Keys the draw of substitutes apart from all others. */
const SUBSTITUTE_KEY = 2 ** 53 - 3;
/** Where so many images drawn to replace one are bad as well, there is none. */
const TRIES = 10;

/**
 * A good image in place of a bad one: which, is a function of the bad one's index; its views are drawn as for that one,
 * its label is its own.
 */
async function substituteFor(
  { epoch, index }: ReadSample,
  { pool, cache, source, first, limit }: {
    pool: Pool;
    cache?: PixelCache;
    source: IndexedSource;
    first: number;
    limit: number;
  },
): Promise<{ result: PoolResult; label: number | null } | null> {
  const random = keyedRandom(SUBSTITUTE_KEY, index);
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const other = first + random.integer(limit);
    const bytes = await source.read(other).then((image) => image.bytes, (error) => messageOf(error));
    if (typeof bytes === "string") continue;
    const result = await pool.run([{ epoch, index, bytes, decoded: cache?.get(other) }]);
    if (result.images[0]) return { result, label: source.label(other) };
    result.release();
  }
  return null;
}
