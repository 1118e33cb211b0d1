/**
 * Images in zip archives, read in any order by the archive's list of entries.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { countedAs } from "./file_names.ts";
import { organize } from "./image_paths.ts";
import { numberedSource } from "./listed.ts";
import type { OpenContext } from "./open_options.ts";
import { baseName } from "./patterns.ts";
import { localFile, type RandomAccess } from "./random_access.ts";
import { splitInName } from "./split_names.ts";
import { leftOutText } from "./survey.ts";
import type { IndexedSource } from "./types.ts";
import { readEntry } from "./zip_content.ts";
import { ZipImages } from "./zip_images.ts";

/** Opens the archives at `paths` as one source called `name`, as {@linkcode openZipFiles} does. */
export async function openZip(name: string, paths: string[], context: OpenContext): Promise<IndexedSource> {
  return await openZipFiles(name, await Promise.all(paths.map(localFile)), context);
}

/**
 * Opens archives as one source called `name`: the images of one split, in mixed order. The names of several archives may
 * tell splits. The class of an image is the first folder below those that all images of its archive share. Damaged entries
 * are bad images; entries that cannot be read for another reason are left out. Throws a UserError if an archive cannot be
 * read, or if there are no images.
 */
export async function openZipFiles(
  name: string,
  files: readonly RandomAccess[],
  context: OpenContext,
): Promise<IndexedSource> {
  const prefixes = prefixesOf(files.map((file) => file.name));
  const found = new ZipImages(prefixes, context.survey);
  for (const [root, file] of files.entries()) await found.add(file, root);
  const { paths, unusable } = found;
  const splits = files.length > 1 ? files.map((file) => splitInName(baseName(file.name))) : [];
  const { classes, label, ...organized } = organize(paths, { name, context, splits, unusable });
  const order = withoutDuplicates(organized.order, found, context);
  if (order.length === 0) {
    const reason = context.survey.count === 0 ? "" : `; ${leftOutText(context.survey)}`;
    throw new UserError(
      `Cannot read images from "${name}": no entry is an image (.jpg, .png, .webp and others) that can be read${reason}. Check the path.`,
    );
  }
  const key = (index: number) => paths.key(order[index]);
  return await numberedSource({
    name,
    length: order.length,
    classes,
    identity: identityOf(order, found),
    key,
    label: (index) => label(order[index]),
    bytes: (index) => {
      const { root } = paths.folders[paths.folderOf(order[index])];
      return readEntry(files[root], found.placeOf(order[index]));
    },
  });
}

/** What precedes the paths in each archive, so that all are different: nothing for one archive, its name for several. */
function prefixesOf(names: string[]): string[] {
  if (names.length === 1) return [""];
  const short = names.map(baseName);
  return (new Set(short).size === names.length ? short : names).map((name) => `${name}/`);
}

/** The images in `order` but those of which a later entry has the same path, as it replaces them on disk. */
function withoutDuplicates(order: Uint32Array, { paths }: ZipImages, { survey }: OpenContext): Uint32Array {
  return order.filter((image, i) => {
    const key = paths.key(image);
    if (i + 1 === order.length || paths.key(order[i + 1]) !== key) return true;
    survey.leaveOut({ name: key, kind: countedAs(key), reason: "a later entry has the same name" });
    return false;
  });
}

/** What tells the images: paths, sizes and checksums in order. */
function* identityOf(order: Uint32Array, found: ZipImages): Generator<string> {
  for (const image of order) {
    const { size, crc } = found.placeOf(image);
    yield JSON.stringify([found.paths.key(image), size, crc]);
  }
}
