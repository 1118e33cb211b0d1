/**
 * A folder of images with its subfolders. The first folder below it is the class.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { orderedMap } from "../ordered_map.ts";
import { checkEncodedSize } from "../file_range.ts";
import type { OpenContext } from "./open_options.ts";
import type { IndexedSource } from "./types.ts";
import { ReadableStream } from "../streams.ts";
import { digest } from "./digest.ts";
import { entriesOf, readError } from "./entries.ts";
import { inMixedOrder, isImageName, listedSource } from "./listed.ts";

/** Files whose size is read at a time. More is not faster: about 20 µs each on a local disk. */
const CONCURRENT_STATS = 32;

/**
 * The fingerprint includes the bytes of this many images, spread over the folder, unless they are larger: files of
 * uncompressed formats often have the same size.
 */
const FINGERPRINTED_FILES = 32, MAX_FINGERPRINTED_BYTES = 2 ** 22;

/**
 * Opens the folder `root`, without hidden files and folders. Throws a UserError if it has no images, or if a folder in it
 * cannot be read.
 */
export async function openFolder(root: string, _context: OpenContext): Promise<IndexedSource> {
  const found: string[] = [];
  await collect(root, "", { paths: found, above: new Set() });
  const paths = inMixedOrder(found, (path) => path);
  if (paths.length === 0) {
    throw new UserError(
      `Cannot read images from "${root}": found no images (.jpg, .png, .webp, .gif, .tiff, .ppm) in it or its subfolders, ` +
        `and no .tar, .parquet or .zip files in it. Check the path.`,
    );
  }
  const folderOf = (path: string) => path.includes("/") ? path.slice(0, path.indexOf("/")) : null;
  const classes = [...new Set(paths.map(folderOf))].filter((name) => name !== null).sort();
  const labels = new Map(classes.map((name, label) => [name, label]));
  const sizes = await Array.fromAsync(
    ReadableStream.from(paths).pipeThrough(orderedMap((path) => sizeOf(`${root}/${path}`), CONCURRENT_STATS)),
  );
  const step = Math.max(1, Math.floor(paths.length / FINGERPRINTED_FILES));
  const samples = await Promise.all(
    paths.filter((_, i) => i % step === 0).slice(0, FINGERPRINTED_FILES)
      .map((path, i) => fileDigest(`${root}/${path}`, sizes[i * step])),
  );
  return await listedSource({
    name: root,
    items: paths.map((key) => ({ key, label: labels.get(folderOf(key) ?? "") ?? null })),
    classes,
    identity: JSON.stringify([paths, sizes, samples]),
    bytes: async ({ key }, index) => {
      checkEncodedSize(sizes[index] ?? 0);
      return await Deno.readFile(`${root}/${key}`);
    },
    // A file whose size is unknown cannot be read either, and reading it says why.
    rangeOf: ({ key }, index) => {
      const size = sizes[index];
      return size === null ? null : { path: `${root}/${key}`, offset: 0, size };
    },
  });
}

/** The SHA-256 of a small file; null of a large one, whose size identifies it, and of one that cannot be read. */
async function fileDigest(path: string, size: number | null): Promise<string | null> {
  if (size === null || size > MAX_FINGERPRINTED_BYTES) return null;
  return await Deno.readFile(path).then(digest, () => null);
}

/** Adds the images below `root`/`folder` to `paths`. `above` holds the real paths of the parents, to stop at links that loop. */
async function collect(
  root: string,
  folder: string,
  { paths, above }: { paths: string[]; above: Set<string> },
): Promise<void> {
  const path = `${root}/${folder}`.replace(/\/$/, "");
  const real = await Deno.realPath(path).catch((error) => {
    throw readError(path, error);
  });
  if (above.has(real)) return;
  for (const { name, isDirectory, isFile } of await entriesOf(path)) {
    if (isDirectory) await collect(root, `${folder}${name}/`, { paths, above: new Set(above).add(real) });
    else if (isFile && isImageName(name)) paths.push(folder + name);
  }
}

/** The size of a file in bytes; null if it is unknown, which makes it a bad image when it is read. */
function sizeOf(path: string): Promise<number | null> {
  return Deno.stat(path).then(({ size }) => size, () => null);
}
