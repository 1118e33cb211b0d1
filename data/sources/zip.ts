/**
 * Images in zip archives, read in any order by the archive's list of entries.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { organize, withoutDuplicates } from "./image_paths.ts";
import { numberedSource } from "./listed.ts";
import type { OpenContext } from "./open_options.ts";
import { baseName } from "./patterns.ts";
import { localFile, type RandomAccess } from "./random_access.ts";
import { CONCURRENT_REQUESTS } from "./remote_file.ts";
import { distinctNames, fromNamed } from "./split_files.ts";
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
  const { classes, label, ...organized } = organize(paths, {
    name,
    path: fromNamed(name, files[0].name),
    context,
    splits,
    unusable,
  });
  const order = withoutDuplicates(organized.order, { images: paths, survey: context.survey });
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
    concurrentReads: files.some(({ isRemote }) => isRemote) ? CONCURRENT_REQUESTS : undefined,
    bytes: (index, signal) => {
      const { root } = paths.folders[paths.folderOf(order[index])];
      return readEntry(endedBy(files[root], signal), found.placeOf(order[index]));
    },
  });
}

/** `file`, each reading of which ends when `signal` is aborted. */
function endedBy(file: RandomAccess, signal?: AbortSignal): RandomAccess {
  return signal ? { ...file, read: (offset, length) => file.read(offset, length, signal) } : file;
}

/** What precedes the paths in each archive, so that all are different: nothing for one archive, its name for several. */
function prefixesOf(names: string[]): string[] {
  return names.length === 1 ? [""] : distinctNames(names).map((name) => `${name}/`);
}

/** What tells the images: paths, sizes and checksums in order. */
function* identityOf(order: Uint32Array, found: ZipImages): Generator<string> {
  for (const image of order) {
    const { size, crc } = found.placeOf(image);
    yield JSON.stringify([found.paths.key(image), size, crc]);
  }
}
