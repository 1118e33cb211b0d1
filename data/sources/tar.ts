/**
 * WebDataset: tar archives in which consecutive entries with the same base name form a sample.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import type { ImageSource, IndexedSource, Shard, StreamedSource } from "./types.ts";
import { checkEncodedSize } from "../file_range.ts";
import { fileBytes, isGzip, readPart, unpacked } from "./bytes.ts";
import { readError } from "./entries.ts";
import { type Listed, listedSource } from "./listed.ts";
import { baseName } from "./patterns.ts";
import { streamedSource } from "./streamed.ts";
import { tarEntries, type TarEntry, WindowedFile } from "./tar_index.ts";
import { checkLabelSize, classLines, type Labels, labelsOf, roleOf } from "./tar_samples.ts";
import { tarSamples } from "./tar_stream.ts";

interface Sample extends Listed {
  /** The path of its archive. */
  archive: string;
  /** Its entry; without an offset if the archive is compressed. */
  image: TarEntry;
  /** The text of the .cls entry: an integer or a class name. */
  cls: string | null;
}

/** An archive with its samples. */
interface Archive {
  path: string;
  compressed: boolean;
  samples: Sample[];
}

/**
 * Opens the archives at `paths`, in this order, as one source called `name`: indexed if none is compressed, streamed
 * otherwise. Compressed archives are read once to count their images. Class names come from a `classes.txt` beside the
 * first archive, one per line. Throws a UserError for an archive that is damaged or cannot be read, or if none has images.
 */
export async function openTar(name: string, paths: string[]): Promise<ImageSource> {
  const archives: Archive[] = [];
  for (const path of paths) archives.push(await indexArchive(path));
  const samples = archives.flatMap((archive) => archive.samples);
  if (samples.length === 0) {
    throw new UserError(
      `Cannot read images from "${name}": no entry ends in .jpg, .jpeg, .png, .webp, .gif, .tiff or .ppm. Check the path.`,
    );
  }
  const texts = new Set(samples.map(({ cls }) => cls).filter((cls) => cls !== null));
  const labels = labelsOf(name, { listed: await listedClasses(paths[0]), texts });
  for (const sample of samples) sample.label = labels.labelOf(sample);
  const identity = JSON.stringify(samples.map(({ key, label, image }) => [key, label, image.size]));
  const { classes } = labels;
  return archives.some(({ compressed }) => compressed)
    ? await streamed({ name, classes, identity }, { archives, labels })
    : await indexed({ name, classes, identity }, samples);
}

type Description = { name: string; classes: string[]; identity: string };

function indexed(description: Description, samples: Sample[]): Promise<IndexedSource> {
  return listedSource({
    ...description,
    items: samples,
    bytes: readSample,
    rangeOf: ({ archive, image: { offset, size } }) => ({ path: archive, offset, size }),
  });
}

function streamed(
  description: Description,
  { archives, labels }: { archives: Archive[]; labels: Labels },
): Promise<StreamedSource> {
  const shards = archives.filter(({ samples }) => samples.length > 0).map((archive): Shard => ({
    name: archive.path,
    length: archive.samples.length,
    open: archive.compressed
      ? ({ from, signal }) => readCompressed(archive.path, { from, signal, labels })
      : ({ from }) => readPlain(archive.samples, from),
  }));
  // The index is needed for random access only.
  for (const archive of archives) if (archive.compressed) archive.samples = [];
  return streamedSource({ ...description, shards });
}

async function* readCompressed(
  path: string,
  { from, signal, labels }: { from: number; signal?: AbortSignal; labels: Labels },
) {
  for await (const sample of tarSamples(path, unpacked(path, fileBytes(path, signal)), { from })) {
    const { number, bytes, cls, failure } = sample, key = keyOf(path, sample.name);
    yield { number, key, label: labels.labelOf({ key, cls }), bytes, failure, at: null };
  }
}

async function* readPlain(samples: Sample[], from: number) {
  for (let number = from; number < samples.length; number++) {
    const { key, label } = samples[number];
    const bytes = await readSample(samples[number]).catch((error) => {
      throw readError(samples[number].archive, error);
    });
    yield { number, key, label, bytes, failure: null, at: null };
  }
}

async function indexArchive(path: string): Promise<Archive> {
  {
    using file = new WindowedFile(path);
    if (!isGzip(file.at(0, 2))) return { path, compressed: false, samples: indexPlain(path, file) };
  }
  const samples: Sample[] = [];
  for await (
    const { name, size, cls } of tarSamples(path, unpacked(path, fileBytes(path)), { bodies: false })
  ) {
    samples.push({
      key: keyOf(path, name),
      label: null,
      archive: path,
      image: { name, offset: 0, size },
      cls,
    });
  }
  return { path, compressed: true, samples };
}

function indexPlain(path: string, file: WindowedFile): Sample[] {
  const samples: Sample[] = [];
  let base: string | null = null, image: TarEntry | null = null, cls: string | null = null;
  const finish = () => {
    if (image) samples.push({ key: keyOf(path, image.name), label: null, archive: path, image, cls });
    image = cls = null;
  };
  for (const entry of tarEntries(path, file)) {
    const role = roleOf(entry.name);
    if (!role) continue;
    if (role.base !== base) finish();
    base = role.base;
    if (role.kind === "image") image ??= entry;
    else if (role.kind === "cls") {
      checkLabelSize(path, entry);
      cls = new TextDecoder().decode(file.at(entry.offset, entry.size)).trim();
    }
  }
  finish();
  return samples;
}

/** The names in the classes.txt beside `path`; none if there is no such file. */
async function listedClasses(path: string): Promise<string[]> {
  const beside = path.replace(/[^/\\]*$/, "classes.txt");
  return classLines(
    await Deno.readTextFile(beside).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return "";
      throw readError(beside, error);
    }),
  );
}

async function readSample({ archive, image: { name, offset, size } }: Sample): Promise<Uint8Array> {
  checkEncodedSize(size);
  return await readPart(archive, { offset, size, what: name });
}

function keyOf(path: string, entry: string): string {
  return `${baseName(path)}/${entry}`;
}
