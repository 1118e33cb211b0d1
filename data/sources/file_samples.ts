/**
 * A sample of the contents of files, for fingerprints.
 *
 * @module
 */
import { digest } from "./digest.ts";

/** So many files are read, spread over all. */
const SAMPLES = 32;

/** The size identifies a larger file. */
const MAX_BYTES = 2 ** 22;

/**
 * The SHA-256 of some of the files: those of uncompressed formats often have the same size. Empty for files that are large or
 * cannot be read.
 */
export async function fileSamples(
  sizes: Float64Array,
  pathOf: (file: number) => string | null,
): Promise<string[]> {
  const step = Math.max(1, Math.floor(sizes.length / SAMPLES));
  const sampled = Array.from({ length: Math.min(SAMPLES, sizes.length) }, (_, i) => i * step);
  return await Promise.all(sampled.map(async (file) => {
    const path = pathOf(file);
    if (path === null || !(sizes[file] <= MAX_BYTES)) return "";
    return await Deno.readFile(path).then(digest, () => "");
  }));
}
