/**
 * CIFAR-10 and CIFAR-100 in their binary version: files of records, one per image of 32 × 32 pixels (Krizhevsky 2009,
 * https://www.cs.toronto.edu/~kriz/cifar.html).
 *
 * A record is one label byte, or CIFAR-100's coarse and fine label, and then 1,024 bytes each of red, green and blue. Images
 * are delivered as PPM, the simplest lossless format.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import type { IndexedSource } from "./types.ts";
import { readPart } from "./bytes.ts";
import { classNames } from "./class_names.ts";
import { digest } from "./digest.ts";
import { readError } from "./entries.ts";
import { listedSource } from "./listed.ts";
import type { OpenContext } from "./open_options.ts";
import { baseName } from "./patterns.ts";
import { toPpm } from "./raw_pixels.ts";
import { chooseSplit } from "./split_names.ts";
import type { SplitName } from "./survey.ts";

const SIDE = 32, PIXELS = 3 * SIDE * SIDE;

/** Of each set: label bytes before the pixels, of which the last counts; number of classes; the file with their names. */
const sets = {
  cifar10: { labels: 1, classes: 10, names: "batches.meta.txt" },
  cifar100: { labels: 2, classes: 100, names: "fine_label_names.txt" },
};

/** The split of a file, by its usual name; null for another name. */
export function cifarSplit(name: string): SplitName | null {
  if (/(^|[/\\])(data_batch_\d+|train)\.bin$/.test(name)) return "train";
  return /(^|[/\\])(test_batch|test)\.bin$/.test(name) ? "test" : null;
}

/**
 * Opens the files of one split at `paths`, all of CIFAR-10 or all of CIFAR-100, as one source called `name`. Reads them
 * once, for labels and fingerprint. Throws a UserError if one is truncated or of another kind.
 */
export async function openCifar(name: string, paths: string[], context: OpenContext): Promise<IndexedSource> {
  const { survey, split: wanted } = context;
  const { items: chosen, others } = chooseSplit(paths, { name, splitOf: cifarSplit, wanted, survey });
  for (const { item, split } of others) {
    survey.leaveOut({ name: baseName(item), kind: `file of split ${split}` });
  }
  const set = sets[/^(train|test)\.bin$/.test(baseName(paths[0])) ? "cifar100" : "cifar10"];
  const items: { key: string; label: number; path: string; offset: number }[] = [];
  const identity: string[] = [];
  const record = set.labels + PIXELS;
  for (const path of chosen) {
    const fail = (error: unknown) => {
      throw readError(path, error);
    };
    const { size } = await Deno.stat(path).catch(fail);
    const damaged = (fact: string) =>
      new UserError(
        `Cannot read "${path}": ${fact}. It is damaged, truncated, or not the binary version of CIFAR-${set.classes}. Copy ` +
          `or download it again.`,
      );
    if (size === 0 || size % record !== 0) {
      throw damaged(`its ${size} bytes are not a multiple of a record of ${record} bytes`);
    }
    const bytes = await Deno.readFile(path).catch(fail);
    for (let number = 0, start = 0; start < bytes.length; number++, start += record) {
      const label = bytes[start + set.labels - 1];
      if (label >= set.classes) {
        const at = start + set.labels - 1;
        throw damaged(`the label at byte ${at}, in record ${number}, is ${label}, not below ${set.classes}`);
      }
      items.push({ key: `${baseName(path)}/${number}`, label, path, offset: start + set.labels });
    }
    identity.push(await digest(bytes));
  }
  return await listedSource({
    name,
    items,
    classes: await classNames(paths[0].replace(/[^/\\]*$/, set.names), set.classes) ??
      Array.from({ length: set.classes }, (_, k) => String(k)),
    identity: JSON.stringify(identity),
    bytes: async ({ key, path, offset }) =>
      toPpm(await readPart(path, { offset, size: PIXELS, what: key }), {
        width: SIDE,
        height: SIDE,
        planes: 3,
      }),
  });
}
