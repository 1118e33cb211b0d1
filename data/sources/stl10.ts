/**
 * STL-10 in its binary version: files of 96 × 96 pixels an image (Coates 2011, https://cs.stanford.edu/~acoates/stl10).
 *
 * An image is three planes of red, green and blue, each column by column. The labels, 1 … 10, lie in a file of their own,
 * one byte each. The images of `unlabeled_X.bin` have none; they are made for training and belong to that split.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { digest } from "./digest.ts";
import { classNames } from "./class_names.ts";
import { classify } from "./labels.ts";
import { listedSource } from "./listed.ts";
import type { OpenContext } from "./open_options.ts";
import { baseName } from "./patterns.ts";
import { localFile, type RandomAccess } from "./random_access.ts";
import { toPpm } from "./raw_pixels.ts";
import { chooseSplit } from "./split_names.ts";
import type { SplitName } from "./survey.ts";
import type { IndexedSource } from "./types.ts";

const SIDE = 96, PIXELS = 3 * SIDE * SIDE, CLASSES = 10;

/** Images spread over a file whose pixels the fingerprint includes. */
const SAMPLES = 16;

/** The split of one of the files, by its name; null for another file. */
export function stl10Split(name: string): SplitName | null {
  const part = /(?:^|[/\\])(train|test|unlabeled)_X\.bin$/.exec(name)?.[1];
  return part === undefined ? null : part === "test" ? "test" : "train";
}

/** Opens the files of images at `paths` as one source called `name`. Throws a UserError if one is truncated. */
export async function openStl10(name: string, paths: string[], context: OpenContext): Promise<IndexedSource> {
  const { survey, split: wanted } = context;
  const { items: chosen, others } = chooseSplit(paths, { name, splitOf: stl10Split, wanted, survey });
  for (const { item, split } of others) {
    survey.leaveOut({ name: baseName(item), kind: `file of split ${split}` });
  }
  const items: { key: string; label: number | null; file: RandomAccess; offset: number }[] = [];
  const texts: (string | null)[] = [], identity: unknown[] = [];
  const names = await classNames(paths[0].replace(/[^/\\]*$/, "class_names.txt"), CLASSES);
  for (const path of chosen) {
    const file = await localFile(path), count = file.size / PIXELS;
    if (count === 0 || !Number.isInteger(count)) {
      throw new UserError(
        `Cannot read "${path}": its ${file.size} bytes are not a multiple of an image of ${PIXELS} bytes. It is damaged, ` +
          `truncated, or not the binary version of STL-10. Copy or download it again.`,
      );
    }
    const labels = await labelsOf(path, count);
    for (let i = 0; i < count; i++) {
      items.push({ key: `${baseName(path)}/${i}`, label: null, file, offset: i * PIXELS });
      texts.push(labels && String(names ? labels[i] - 1 : labels[i]));
    }
    identity.push(baseName(path), count, labels && await digest(labels), await samplesOf(file, count));
  }
  const { classes, labels } = classify(texts, {
    name,
    names: names ?? [],
    keyOf: (image) => items[image].key,
  });
  items.forEach((item, i) => item.label = labels[i] < 0 ? null : labels[i]);
  return await listedSource({
    name,
    items,
    classes,
    identity: JSON.stringify(identity),
    bytes: async ({ file, offset }) =>
      toPpm(await file.read(offset, PIXELS), { width: SIDE, height: SIDE, planes: 3, columns: true }),
  });
}

/** The labels of the images in the file `path`, 1 … 10; null if they have none. */
async function labelsOf(path: string, count: number): Promise<Uint8Array<ArrayBuffer> | null> {
  const labels = path.replace(/_X\.bin$/, "_y.bin");
  const isThere = !/unlabeled_X\.bin$/.test(path) && await Deno.stat(labels).then(() => true, () => false);
  if (!isThere) return null;
  const file = await localFile(labels), bytes = await file.read(0, file.size);
  const wrong = bytes.findIndex((label) => label < 1 || label > CLASSES);
  if (bytes.length === count && wrong < 0) return bytes;
  const fact = wrong < 0
    ? `it has ${bytes.length} labels for ${count} images`
    : `the label at byte ${wrong} is ${bytes[wrong]}, not 1 … ${CLASSES}`;
  throw new UserError(
    `Cannot read "${labels}": ${fact}. It is damaged, truncated, or of another set. Copy or download it again.`,
  );
}

async function samplesOf(file: RandomAccess, count: number): Promise<string[]> {
  const step = Math.max(1, Math.floor(count / SAMPLES));
  const offsets = Array.from({ length: Math.min(SAMPLES, count) }, (_, i) => i * step * PIXELS);
  return await Promise.all(offsets.map(async (offset) => await digest(await file.read(offset, PIXELS))));
}
