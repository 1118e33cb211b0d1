/**
 * Where a run keeps its decoded images.
 *
 * @module
 */
import { join } from "node:path";
import { diskCache } from "../../data/disk_cache.ts";
import { memoryCache, type PixelCache } from "../../data/pixel_cache.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";

/** Holds the decoded images during the run. */
const CACHE_FILE = "decoded_images.bin";

/** The cache that the option `cache` asks for; a file is in the run's folder. */
export function openCache(
  { cache, out }: ResolvedOptions,
  { identity }: { identity: string },
): Disposable & { images: PixelCache | undefined } {
  const images = cache === "memory"
    ? memoryCache()
    : cache === "disk"
    ? diskCache(join(out, CACHE_FILE), { identity })
    : undefined;
  return { images, [Symbol.dispose]: () => images?.close() };
}
