/**
 * WebDataset: tar archives in which neighbouring entries with the same base name make a sample.
 *
 * @module
 */
import { UserError } from "../../src/errors.ts";
import type { ImageSource } from "../source.ts";
import { readError } from "./entries.ts";
import { isImageExtension, type Listed, listedSource } from "./listed.ts";
import { tarEntries, type TarEntry, WindowedFile } from "./tar_index.ts";

interface Sample extends Listed {
  shard: string;
  image: TarEntry;
  /** The text of the .cls entry: an integer or the name of a class. */
  cls: string | null;
}

/**
 * Opens the shards at `paths`, in this order, as one source called `name`. Class names come from a `classes.txt`
 * beside the first shard, one a line, if there is one. Throws a UserError for a shard that is damaged or cannot be read, or if none has images.
 */
export async function openTar(name: string, paths: string[]): Promise<ImageSource> {
  const samples = paths.flatMap(indexShard);
  if (samples.length === 0) {
    throw new UserError(
      `Cannot read images from ${name}: expected entries ending in .jpg, .jpeg, .png or .webp: found none. ` +
        `Check --data.`,
    );
  }
  const classesPath = paths[0].replace(/[^/\\]*$/, "classes.txt");
  const listed = await Deno.readTextFile(classesPath).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return "";
    throw readError(classesPath, error);
  });
  const classes = label(samples, listed.split(/\r?\n/).map((line) => line.trim()).filter(Boolean), name);
  return await listedSource({
    name,
    items: samples,
    classes,
    identity: JSON.stringify(samples.map(({ key, label, image }) => [key, label, image.size])),
    bytes: ({ shard, image }) => readPart(shard, image),
  });
}

function indexShard(shard: string): Sample[] {
  using file = new WindowedFile(shard);
  const samples: Sample[] = [];
  let base: string | null = null, image: TarEntry | null = null, cls: string | null = null;
  const finish = () => {
    if (image) samples.push({ key: `${fileName(shard)}/${image.name}`, label: null, shard, image, cls });
    image = cls = null;
  };
  for (const entry of tarEntries(shard, file)) {
    // WebDataset's rule: the extension begins at the first dot of the file name, and no base name is empty.
    const match = /^((?:.*\/)?[^./][^./]*)\.([^/]*)$/.exec(entry.name);
    if (!match) continue;
    if (match[1] !== base) finish();
    base = match[1];
    if (isImageExtension(match[2])) image ??= entry;
    else if (match[2].toLowerCase() === "cls") {
      cls = new TextDecoder().decode(file.at(entry.offset, entry.size)).trim();
    }
  }
  finish();
  return samples;
}

/** Sets the samples' labels from their .cls texts and returns the names of the classes. */
function label(samples: Sample[], listed: string[], name: string): string[] {
  const texts = new Set(samples.map((sample) => sample.cls).filter((cls) => cls !== null));
  if (texts.size === 0) return [];
  const numbered = [...texts].every((cls) => /^\d{1,6}$/.test(cls)); // longer ones are names, not indices
  let classes = listed;
  if (listed.length === 0) {
    const largest = [...texts].reduce((most, cls) => Math.max(most, Number(cls)), 0);
    classes = numbered ? Array.from({ length: largest + 1 }, (_, k) => String(k)) : [...texts].sort();
  }
  const labels = new Map([...texts].map((cls) => [cls, numbered ? Number(cls) : classes.indexOf(cls)]));
  for (const sample of samples) {
    if (sample.cls === null) continue;
    sample.label = labels.get(sample.cls)!;
    if (sample.label >= 0 && sample.label < classes.length) continue;
    throw new UserError(
      `Cannot label the images of ${name}: expected one of the ${classes.length} classes of classes.txt: ${sample.key} ` +
        `has ${JSON.stringify(sample.cls)}. Correct classes.txt or remove it.`,
    );
  }
  return classes;
}

/**
 * Reads an entry through a handle of its own. Seek and read on a shared one would have to be locked, handles kept
 * open would have to be counted against the limit of open files; this does 20,000 reads a second at eight at a time.
 */
async function readPart(path: string, { name, offset, size }: TarEntry): Promise<Uint8Array> {
  using file = await Deno.open(path);
  await file.seek(offset, Deno.SeekMode.Start);
  const bytes = new Uint8Array(size);
  for (let filled = 0; filled < size;) {
    const count = await file.read(bytes.subarray(filled));
    if (count === null) throw new Error(`${path} has become shorter: it ends within ${name}`);
    filled += count;
  }
  return bytes;
}

function fileName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}
