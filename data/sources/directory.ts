/**
 * What of a folder is the data source: its images, or its files that contain images.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { checkCifarVersion } from "./cifar_version.ts";
import { entriesOf } from "./entries.ts";
import { countedAs, kindOfName, skippedFolder } from "./file_names.ts";
import { findImages } from "./folder_walk.ts";
import { Survey } from "./survey.ts";

/**
 * The files in the folder at `path` that are its source, of one kind; null if its images are. Whichever are more count: an
 * archive beside a folder of images is left out, and so is a picture beside shards. `kindOf` gives the kind of a file that
 * may stand in a folder.
 *
 * @throws {UserError} if the files are of several kinds, or of one that cannot be read.
 */
export async function filesOfFolder(
  path: string,
  { kindOf, survey }: { kindOf(name: string): string | null; survey: Survey },
): Promise<string[] | null> {
  const entries = await entriesOf(path);
  checkCifarVersion(path, entries);
  const files = entries.filter(({ name, isFile }) =>
    isFile && !name.startsWith(".") && kindOf(name) !== null
  );
  if (files.length === 0) return null;
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
