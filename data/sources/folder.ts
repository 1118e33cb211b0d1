/**
 * A folder of images, with its subfolders; the first folder below it is the class.
 *
 * @module
 */
import { UserError } from "../../src/errors.ts";
import { hashText } from "../../src/random.ts";
import type { ImageSource } from "../source.ts";
import { isImageExtension, listedSource } from "./listed.ts";

/** Opens the folder `root`; hidden files and folders are passed over. Throws a UserError if it has no images. */
export async function openFolder(root: string): Promise<ImageSource> {
  const paths: string[] = [];
  await collect(root, "", { paths, above: new Set() });
  if (paths.length === 0) {
    throw new UserError(
      `Cannot read images from ${root}: expected .jpg, .jpeg, .png or .webp files or .tar shards: found none, also ` +
        `not in its subfolders. Check --data.`,
    );
  }
  // In the order of their names the classes would come one after the other, and the first N samples would be all of one
  // kind. The order by hash mixes them, and a new file does not move the others.
  const place = new Map(paths.map((path) => [path, hashText(path)]));
  paths.sort((a, b) => place.get(a)! - place.get(b)! || (a < b ? -1 : 1));
  const folderOf = (path: string) => path.includes("/") ? path.slice(0, path.indexOf("/")) : null;
  const classes = [...new Set(paths.map(folderOf))].filter((name) => name !== null).sort();
  const labels = new Map(classes.map((name, label) => [name, label]));
  return await listedSource({
    name: root,
    items: paths.map((key) => ({ key, label: labels.get(folderOf(key) ?? "") ?? null })),
    classes,
    identity: JSON.stringify(paths),
    bytes: ({ key }) => Deno.readFile(`${root}/${key}`),
  });
}

/** Adds the images below `root`/`folder` to `paths`. `above` holds the real folders on the way, so that links may loop. */
async function collect(
  root: string,
  folder: string,
  { paths, above }: { paths: string[]; above: Set<string> },
): Promise<void> {
  const real = await Deno.realPath(`${root}/${folder}`);
  if (above.has(real)) return;
  for await (const { name, isSymlink, ...entry } of Deno.readDir(real)) {
    if (name.startsWith(".")) continue;
    const path = folder + name;
    const { isDirectory, isFile } = isSymlink ? await followed(`${root}/${path}`) : entry;
    if (isDirectory) await collect(root, `${path}/`, { paths, above: new Set(above).add(real) });
    else if (isFile && isImageExtension(name.slice(name.lastIndexOf(".") + 1))) paths.push(path);
  }
}

/** What a link leads to; a dead one is neither file nor folder. */
function followed(path: string): Promise<{ isDirectory: boolean; isFile: boolean }> {
  return Deno.stat(path).catch(() => ({ isDirectory: false, isFile: false }));
}
