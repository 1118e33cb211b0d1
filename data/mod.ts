/**
 * Images to batches: sources, the stages of the data pipeline, and the recipes of the views.
 *
 * The stages are WHATWG streams. {@linkcode trainingBatches} and {@linkcode evaluationBatches} put them together; a program can
 * also do so itself, or replace one of them.
 *
 * @example Batches of a source
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { openSource, recipes, trainingBatches } from "./mod.ts";
 *
 * const source = await openSource("shapes:64");
 * const options = { source, batch: 16, size: 32, recipe: recipes.shapes, seed: 7, workers: 1 };
 * for await (const { views, indices, next, release } of trainingBatches(options)) {
 *   deepStrictEqual([views.length, indices.length], [2 * 16 * 32 * 32 * 4, 16]);
 *   deepStrictEqual(next, { epoch: 0, offset: 16 });
 *   release();
 *   break; // ends the Workers
 * }
 * source.close();
 * ```
 *
 * @example The stages, put together by hand
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { collate, group, openSource, Pool, prepare, readSamples, recipes } from "./mod.ts";
 *
 * const source = await openSource("shapes:64"), recipe = recipes.shapes;
 * const setup = { recipe, size: 32, seed: 7, decodeSize: 64, augment: "cpu", keepPixels: false } as const;
 * const pool = new Pool(setup, { workers: 1 });
 * const batches = readSamples(source, { seed: 7 })
 *   .pipeThrough(group({ count: 8, weight: 2 ** 18, weigh: ({ bytes }) => bytes.length }))
 *   .pipeThrough(prepare(pool, { concurrency: 2 }))
 *   .pipeThrough(collate({ batch: 16, limit: 64, partial: "drop", onBad: console.warn }));
 * for await (const { images, release } of batches) {
 *   deepStrictEqual([images.length, images[0].views.length], [16, 2 * 32 * 32 * 4]); // both views, [2, 32, 32, 4]
 *   release();
 *   break;
 * }
 * pool.close();
 * ```
 *
 * @module
 */
export {
  type Augment,
  type Batch,
  type BatchOptions,
  type EvaluationBatch,
  evaluationBatches,
  type OnBadImage,
  trainingBatches,
  type TrainingOptions,
  type Views,
} from "./pipeline.ts";

export type { Place, Share } from "./share.ts";

export { openSource } from "./sources/open.ts";
export type { OpenOptions } from "./sources/open_options.ts";
export { type LeftOut, type LeftOutGroup, type SplitName, Survey } from "./sources/survey.ts";
export type { RetryPolicy } from "./sources/http_connection.ts";
export type {
  EncodedImage,
  ImageSource,
  IndexedSource,
  LocatedImage,
  Shard,
  ShardImage,
  Source,
  StreamedSource,
} from "./sources/types.ts";
export { subsetOf } from "./subset.ts";
export type { StreamCounts } from "./count.ts";
export { divide, type DivideOptions, type Division, sampleOf, type TakingOrder } from "./divide.ts";

export { type ReadOrder, type ReadSample, readSamples } from "./read.ts";
export type { BlockPosition, Position } from "./order.ts";
export type { FileRange } from "./file_range.ts";
export type { Rejection } from "./rejection.ts";
export { group, type GroupOptions } from "./group.ts";
export { orderedMap } from "./ordered_map.ts";
export { Pool, type PoolOptions, type PoolResult, type Prepared, type Task } from "./pool.ts";
export type { Setup } from "./decode_worker.ts";
export { type ImageNote, prepare, type PrepareOptions } from "./prepare.ts";
export {
  type BadImage,
  collate,
  type Collated,
  type CollateOptions,
  type PreparedGroup,
  type Sample,
} from "./collate.ts";

export type { ReadableStream, TransformStream } from "./streams.ts";

export { decodeImage } from "./decode.ts";
export { memoryCache, type PixelCache } from "./pixel_cache.ts";
export { diskCache } from "./disk_cache.ts";

export {
  defaultDecodeSize,
  type Range,
  type Recipe,
  type RecipeName,
  recipes,
  type Rgb,
  type Stretch,
  type ViewRecipe,
} from "./views/recipe.ts";
export { parseRecipe } from "./views/parse_recipe.ts";
export type { DecodedImage, ImageSize } from "./views/resize.ts";
export type { PackedImage } from "./views/table.ts";
