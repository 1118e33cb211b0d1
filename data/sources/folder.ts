/**
 * A folder of images with its subfolders.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { checkEncodedSize } from "../file_range.ts";
import type { OpenContext } from "./open_options.ts";
import type { IndexedSource } from "./types.ts";
import { fileSamples } from "./file_samples.ts";
import { fileSizes } from "./file_sizes.ts";
import { findImages } from "./folder_walk.ts";
import { organize } from "./image_paths.ts";
import { numberedSource } from "./listed.ts";
import { fromNamed } from "./split_files.ts";
import { leftOutText } from "./survey.ts";

/**
 * Opens the folder `root`: the images of one split, in mixed order. The first folder below those that all images share is
 * the class. Throws a UserError if there are no images, or if the folder itself cannot be read.
 */
export async function openFolder(root: string, context: OpenContext): Promise<IndexedSource> {
  const { images, unusable } = await findImages(root, context);
  const { order, classes, label } = organize(images, {
    name: root,
    path: fromNamed(root, `${root}/`),
    context,
    unusable,
  });
  if (order.length === 0) throw noImages(root, context);
  const key = (index: number) => images.key(order[index]);
  const pathOf = (index: number) => `${root}/${key(index)}`;
  const sizes = await fileSizes(order.length, pathOf);
  return await numberedSource({
    name: root,
    length: order.length,
    classes,
    identity: await identityOf({ key, pathOf, sizes }),
    key,
    label: (index) => label(order[index]),
    bytes: async (index) => {
      checkEncodedSize(sizes[index] || 0);
      return await Deno.readFile(pathOf(index));
    },
    // A file whose size is unknown cannot be read either, and reading it says why.
    rangeOf: (index) =>
      Number.isNaN(sizes[index]) ? null : { path: pathOf(index), offset: 0, size: sizes[index] },
  });
}

function noImages(root: string, { survey }: OpenContext): UserError {
  const found = survey.count === 0 ? "" : `; ${leftOutText(survey)}`;
  return new UserError(
    `Cannot read images from "${root}": found no images (.jpg, .png, .webp and others) in it or its subfolders, ` +
      `and no .tar, .parquet or .zip files in it${found}. Check the path.`,
  );
}

/** What tells the images: paths and sizes in order, and the contents of some. */
async function identityOf(
  { key, pathOf, sizes }: { key(index: number): string; pathOf(index: number): string; sizes: Float64Array },
): Promise<Iterable<string>> {
  const samples = await fileSamples(sizes, pathOf);
  return (function* () {
    for (let index = 0; index < sizes.length; index++) yield JSON.stringify([key(index), sizes[index]]);
    yield* samples;
  })();
}
