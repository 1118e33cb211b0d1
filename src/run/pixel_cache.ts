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
const cacheFile = (rank: number) => rank === 0 ? "decoded_images.bin" : `decoded_images.${rank}.bin`;

/** The cache that the option `cache` asks for; a file is in the run's folder, one of each rank. */
export function openCache(
  { cache, out }: ResolvedOptions,
  { identity, rank = 0 }: { identity: string; rank?: number },
): Disposable & { images: PixelCache | undefined } {
  if (cache === "disk" && rank > 0) Deno.mkdirSync(out, { recursive: true }); // it may be on another machine
  const images = cache === "memory"
    ? memoryCache()
    : cache === "disk"
    ? diskCache(join(out, cacheFile(rank)), { identity })
    : undefined;
  return { images, [Symbol.dispose]: () => images?.close() };
}
