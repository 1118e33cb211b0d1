/**
 * Files that contain images in the subfolders of a folder: `data/train/0000.parquet`, `shards/val/000.tar`.
 *
 * @module
 */
import { checkCifarVersion } from "./cifar_version.ts";
import { entriesOf } from "./entries.ts";
import { skippedFolder } from "./file_names.ts";
import { findImages } from "./folder_walk.ts";
import { Survey } from "./survey.ts";

/** Deeper folders are not searched: links may lead in circles. */
const MAX_DEPTH = 6;

/**
 * The files below `root` that `isSource` accepts, in order of their paths; none if there are images, which are then the
 * source. Folders that cannot be read have none.
 */
export async function filesBelow(
  root: string,
  { isSource }: { isSource(name: string): boolean },
): Promise<string[]> {
  const { images } = await findImages(root, { survey: new Survey(), limit: 1 });
  return images.length > 0 ? [] : await collect(root, { isSource, depth: 0 });
}

async function collect(
  folder: string,
  { isSource, depth }: { isSource(name: string): boolean; depth: number },
): Promise<string[]> {
  const entries = await entriesOf(folder).catch((error) => {
    if (depth === 0) throw error;
    return [];
  });
  checkCifarVersion(folder, entries);
  const files: string[] = [];
  for (const { name, isFile, isDirectory } of entries) {
    if (isFile && !name.startsWith(".") && isSource(name)) files.push(`${folder}/${name}`);
    if (!isDirectory || skippedFolder(name) !== null || depth === MAX_DEPTH) continue;
    files.push(...await collect(`${folder}/${name}`, { isSource, depth: depth + 1 }));
  }
  return files;
}
