/**
 * What of a folder is the data source: its images, or its files that contain images.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { checkCifarVersion } from "./cifar_version.ts";
import { entriesOf, type Entry } from "./entries.ts";
import { countedAs, kindOfName, skippedFolder } from "./file_names.ts";
import { findImages } from "./folder_walk.ts";
import { Survey } from "./survey.ts";

interface Options {
  /** The kind of a file that may stand in a folder, by its name; null for another file. */
  kindOf(name: string): string | null;
  survey: Survey;
}

/** Folders in folders that are looked into: links may lead in circles. */
const MAX_DEPTH = 4;

/** The files of the only folder in a folder without images, as in `MNIST/raw` or `data` beside a readme; null otherwise. */
async function filesBelow(
  path: string,
  entries: readonly Entry[],
  { depth, ...options }: Options & { depth: number },
): Promise<string[] | null> {
  const folders = entries.filter(({ name, isDirectory }) => isDirectory && skippedFolder(name) === null);
  const hasImages = entries.some(({ name, isFile }) => isFile && /image$/.test(kindOfName(name).kind));
  if (folders.length !== 1 || hasImages || depth === MAX_DEPTH) return null;
  return await filesOfFolder(`${path}/${folders[0].name}`, { ...options, depth: depth + 1 });
}

/**
 * The files in the folder at `path` that are its source, of one kind; null if its images are. Whichever are more count: an
 * archive beside a folder of images is left out, and so is a picture beside shards. A folder that holds nothing but one
 * folder stands for that one.
 *
 * @throws {UserError} if the files are of several kinds, or of one that cannot be read.
 */
export async function filesOfFolder(
  path: string,
  { kindOf, survey, depth = 0 }: Options & { depth?: number },
): Promise<string[] | null> {
  const entries = await entriesOf(path);
  checkCifarVersion(path, entries);
  const files = entries.filter(({ name, isFile }) =>
    isFile && !name.startsWith(".") && kindOf(name) !== null
  );
  if (files.length === 0) return await filesBelow(path, entries, { kindOf, survey, depth });
  const { images } = await findImages(path, { survey: new Survey(), limit: files.length + 1 });
  if (images.length > files.length) return null;
  const other = files.find(({ name }) => kindOf(name) !== kindOf(files[0].name));
  if (other) {
    throw new UserError(
      `Cannot open the data source "${path}": it has both "${
        files[0].name
      }" and "${other.name}". A folder must hold ` +
        `images and folders of images, or files of one kind that contain images. Move one of them, or give ` +
        `"${path}/${files[0].name}" as the source.`,
    );
  }
  const isSource = new Set(files.map(({ name }) => name));
  for (const { name, isFile, isDirectory } of entries) {
    const isImage = isFile && !isSource.has(name) && /image$/.test(kindOfName(name).kind);
    if (isImage) survey.leaveOut({ name, kind: countedAs(name), reason: `beside ${kindOf(files[0].name)}` });
    if (isDirectory && skippedFolder(name) === null && images.hasBelow(`${name}/`)) {
      survey.leaveOut({ name, kind: "folder", reason: `beside ${kindOf(files[0].name)}` });
    }
  }
  return files.map(({ name }) => `${path}/${name}`);
}
