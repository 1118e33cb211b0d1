/**
 * A folder of images, with its subfolders; the first folder below it is the class.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { orderedMap } from "../ordered_map.ts";
import { expectModest } from "../place.ts";
import type { IndexedSource } from "./types.ts";
import { ReadableStream } from "../streams.ts";
import { digest } from "./digest.ts";
import { entriesOf, readError } from "./entries.ts";
import { inMixedOrder, isImageName, listedSource } from "./listed.ts";

/** Files asked for their size at a time: beyond this it becomes no faster, some 20 µs each on a local disk. */
const STATS = 32;

/**
 * So many images, spread over the folder, count with all their bytes in the fingerprint if they have no more than that:
 * files of uncompressed formats are often of one size.
 */
const FINGERPRINTED = 32, MOST_FINGERPRINTED = 2 ** 22;

/**
 * Opens the folder `root`; hidden files and folders are passed over. Throws a UserError if it has no images, or a folder
 * that cannot be read.
 */
export async function openFolder(root: string): Promise<IndexedSource> {
  const found: string[] = [];
  await collect(root, "", { paths: found, above: new Set() });
  const paths = inMixedOrder(found, (path) => path);
  if (paths.length === 0) {
    throw new UserError(
      `Cannot read images from ${root}: expected images (.jpg, .png, .webp, .gif, .tiff, .ppm) in it or below, or .tar, .parquet or ` +
        `.zip files right in it: found none, also not in its subfolders. Check --data.`,
    );
  }
  const folderOf = (path: string) => path.includes("/") ? path.slice(0, path.indexOf("/")) : null;
  const classes = [...new Set(paths.map(folderOf))].filter((name) => name !== null).sort();
  const labels = new Map(classes.map((name, label) => [name, label]));
  const sizes = await Array.fromAsync(
    ReadableStream.from(paths).pipeThrough(orderedMap((path) => sizeOf(`${root}/${path}`), STATS)),
  );
  const step = Math.max(1, Math.floor(paths.length / FINGERPRINTED));
  const samples = await Promise.all(
    paths.filter((_, i) => i % step === 0).slice(0, FINGERPRINTED)
      .map((path, i) => fileDigest(`${root}/${path}`, sizes[i * step])),
  );
  return await listedSource({
    name: root,
    items: paths.map((key) => ({ key, label: labels.get(folderOf(key) ?? "") ?? null })),
    classes,
    identity: JSON.stringify([paths, sizes, samples]),
    bytes: async ({ key }, index) => {
      expectModest(sizes[index] ?? 0);
      return await Deno.readFile(`${root}/${key}`);
    },
    // A file whose size is not known cannot be read either; reading it says why.
    place: ({ key }, index) => {
      const size = sizes[index];
      return size === null ? null : { path: `${root}/${key}`, offset: 0, size };
    },
  });
}

/** The SHA-256 of a small file; null of others, whose sizes differ, and if it cannot be read. */
async function fileDigest(path: string, size: number | null): Promise<string | null> {
  if (size === null || size > MOST_FINGERPRINTED) return null;
  return await Deno.readFile(path).then(digest, () => null);
}

/** Adds the images below `root`/`folder` to `paths`. `above` holds the real folders on the way, so that links may loop. */
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

/** Bytes of a file; null if they cannot be known, which makes it a bad image when it is read. */
function sizeOf(path: string): Promise<number | null> {
  return Deno.stat(path).then(({ size }) => size, () => null);
}
