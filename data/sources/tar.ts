/**
 * WebDataset: tar archives in which consecutive entries with the same base name form a sample.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { checkEncodedSize } from "../file_range.ts";
import { fileBytes, readPart } from "./bytes.ts";
import { unpacked } from "./compression.ts";
import { readError } from "./entries.ts";
import { organize, withoutDuplicates } from "./image_paths.ts";
import { classify } from "./labels.ts";
import { numberedSource } from "./listed.ts";
import type { OpenContext } from "./open_options.ts";
import { fromNamed } from "./split_files.ts";
import { streamedSource } from "./streamed.ts";
import { leftOutText } from "./survey.ts";
import type { TarCatalog } from "./tar_catalog.ts";
import { catalogOf } from "./tar_opening.ts";
import { classLines } from "./class_names.ts";
import { tarSamples } from "./tar_stream.ts";
import type { ImageSource, Shard } from "./types.ts";

/** The samples of the split that is read, in the order of the archives. */
interface Samples {
  paths: string[];
  catalog: TarCatalog;
  /** Their numbers in the catalog. */
  numbers: Uint32Array;
  /** Their labels, −1 where there is none. */
  labels: Int32Array;
}

/**
 * Opens the archives at `paths`, in this order, as one source called `name`: indexed if none is compressed, streamed
 * otherwise. Compressed archives are read once to count their images. Labels are those of .cls and .json entries; without
 * any, the folders are the classes. Class names come from a `classes.txt` beside the first archive, one per line. Throws a
 * UserError for an archive that is damaged or cannot be read, or if none has images.
 */
export async function openTar(name: string, paths: string[], context: OpenContext): Promise<ImageSource> {
  const { catalog, compressed } = await catalogOf(paths, context);
  const { paths: found, unusable } = catalog;
  const images = organize(found, {
    name,
    path: fromNamed(name, paths[0]),
    context,
    unusable: catalog.hasLabels ? undefined : unusable,
  });
  // Archives are read in their order.
  const numbers = withoutDuplicates(images.order, { images: catalog.paths, survey: context.survey }).sort();
  if (numbers.length === 0) throw noImages(name, context);
  const listed = await listedClasses(paths[0]);
  const keyOf = (image: number) => catalog.paths.key(numbers[image]);
  const { classes, labels } = catalog.hasLabels
    ? classify(Array.from(numbers, (number) => catalog.labelOf(number)), {
      name,
      names: listed,
      list: "classes.txt",
      keyOf,
    })
    : { classes: images.classes, labels: Int32Array.from(numbers, (number) => images.label(number) ?? -1) };
  const samples: Samples = { paths, catalog, numbers, labels };
  const source = { name, classes, identity: identityOf(samples, await catalog.contents()) };
  if (compressed.includes(true)) return await openStreamed(source, { samples, compressed });
  return await numberedSource({
    ...source,
    length: numbers.length,
    key: keyOf,
    label: (index) => labels[index] < 0 ? null : labels[index],
    bytes: (index) => readSample(samples, index),
    rangeOf(index) {
      const number = numbers[index];
      return { path: paths[catalog.archiveOf(number)], ...catalog.placeOf(number) };
    },
  });
}

function* identityOf({ catalog, numbers, labels }: Samples, contents: string[]): Generator<string> {
  for (const [i, number] of numbers.entries()) {
    yield `${labels[i]} ${catalog.placeOf(number).size} ${catalog.paths.key(number)}`;
  }
  yield* contents;
}

function openStreamed(
  source: { name: string; classes: string[]; identity: Iterable<string> },
  { samples, compressed }: { samples: Samples; compressed: boolean[] },
): Promise<ImageSource> {
  const { numbers, labels, catalog } = samples, firsts = catalog.firsts;
  const shards: Shard[] = [];
  for (let archive = 0, first = 0; archive < compressed.length; archive++) {
    let end = first;
    while (end < numbers.length && numbers[end] < firsts[archive + 1]) end++;
    const span = { archive, first, end };
    if (end > first) {
      shards.push({
        name: samples.paths[archive],
        length: end - first,
        open: ({ from, signal }) =>
          compressed[archive]
            ? readCompressed(samples, { ...span, from, signal })
            : readPlain(samples, { ...span, from }),
      });
    }
    first = end;
  }
  return streamedSource({
    ...source,
    shards,
    label: (index) => labels[index] < 0 ? null : labels[index],
  });
}

/** The images `first` … `end` − 1 of a source, all of one archive; read from the one with number `from` among them. */
interface Span {
  archive: number;
  first: number;
  end: number;
  from: number;
}

async function* readCompressed(
  { paths, catalog, numbers, labels }: Samples,
  { archive, first, end, from, signal }: Span & { signal?: AbortSignal },
) {
  const path = paths[archive], begin = catalog.firsts[archive];
  let index = first + from;
  if (index >= end) return;
  const chunks = unpacked(path, fileBytes(path, signal));
  for await (const sample of tarSamples(path, chunks, { from: numbers[index] - begin })) {
    if (begin + sample.number !== numbers[index]) continue; // of another split
    const { bytes, failure } = sample, label = labels[index] < 0 ? null : labels[index];
    yield { number: index - first, key: catalog.paths.key(numbers[index]), label, bytes, failure, at: null };
    index++;
  }
}

async function* readPlain(samples: Samples, { archive, first, end, from }: Span) {
  const { paths, catalog, numbers, labels } = samples;
  for (let index = first + from; index < end; index++) {
    const bytes = await readSample(samples, index).catch((error) => {
      throw readError(paths[archive], error);
    });
    const label = labels[index] < 0 ? null : labels[index];
    yield {
      number: index - first,
      key: catalog.paths.key(numbers[index]),
      label,
      bytes,
      failure: null,
      at: null,
    };
  }
}

async function readSample({ paths, catalog, numbers }: Samples, index: number): Promise<Uint8Array> {
  const number = numbers[index], { offset, size } = catalog.placeOf(number);
  checkEncodedSize(size);
  return await readPart(paths[catalog.archiveOf(number)], { offset, size, what: catalog.pathOf(number) });
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

function noImages(name: string, { survey }: OpenContext): UserError {
  const found = survey.count === 0 ? "" : `; ${leftOutText(survey)}`;
  return new UserError(
    `Cannot read images from "${name}": no entry ends in .jpg, .png or another extension of images${found}. Check the path.`,
  );
}
