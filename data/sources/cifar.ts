/**
 * CIFAR-10 and CIFAR-100 in their binary version: files of records, one per image of 32 × 32 pixels (Krizhevsky 2009,
 * https://www.cs.toronto.edu/~kriz/cifar.html).
 *
 * A record is one label byte, or CIFAR-100's coarse and fine label, and then 1,024 bytes each of red, green and blue. Images
 * are delivered as PPM, the simplest lossless format.
 *
 * @module
 */
import { messageOf, UserError } from "../../src/base/errors.ts";
import type { IndexedSource } from "./types.ts";
import { readPart } from "./bytes.ts";
import { digest } from "./digest.ts";
import { readError } from "./entries.ts";
import { listedSource } from "./listed.ts";
import { baseName } from "./patterns.ts";

const SIDE = 32, PLANE = SIDE * SIDE, PIXELS = 3 * PLANE;
const PPM_HEADER = new TextEncoder().encode(`P6\n${SIDE} ${SIDE}\n255\n`);

/** Of each set: label bytes before the pixels, of which the last counts; number of classes; the file with their names. */
const sets = {
  cifar10: { labels: 1, classes: 10, names: "batches.meta.txt" },
  cifar100: { labels: 2, classes: 100, names: "fine_label_names.txt" },
};

/** Whether a file in a folder holds training images, by its name. */
export function isCifarTraining(name: string): boolean {
  return /^(data_batch_\d+|train)\.bin$/.test(name);
}

/**
 * Opens the files at `paths`, all of CIFAR-10 or all of CIFAR-100, as one source called `name`. Reads them once, for labels
 * and fingerprint. Throws a UserError if one is truncated or of another kind.
 */
export async function openCifar(name: string, paths: string[]): Promise<IndexedSource> {
  const set = sets[/^(train|test)\.bin$/.test(baseName(paths[0])) ? "cifar100" : "cifar10"];
  const items: { key: string; label: number; path: string; offset: number }[] = [];
  const identity: string[] = [];
  const record = set.labels + PIXELS;
  for (const path of paths) {
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
    classes: await classNames(paths[0].replace(/[^/\\]*$/, set.names), set.classes),
    identity: JSON.stringify(identity),
    bytes: async ({ key, path, offset }) => toPpm(await readPart(path, { offset, size: PIXELS, what: key })),
  });
}

/** The lines of the file at `path`; numbers if there is no such file, or if it has another number of lines. */
async function classNames(path: string, count: number): Promise<string[]> {
  const text = await Deno.readTextFile(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return "";
    throw new UserError(
      `Cannot read the class names in "${path}": ${messageOf(error)}. Restore or remove the file.`,
    );
  });
  const names = text.split(/\r?\n/).map((line) => line.trim()).filter(Boolean);
  return names.length === count ? names : Array.from({ length: count }, (_, k) => String(k));
}

function toPpm(planes: Uint8Array): Uint8Array {
  const ppm = new Uint8Array(PPM_HEADER.length + PIXELS);
  ppm.set(PPM_HEADER);
  for (let i = 0, at = PPM_HEADER.length; i < PLANE; i++, at += 3) {
    ppm[at] = planes[i];
    ppm[at + 1] = planes[PLANE + i];
    ppm[at + 2] = planes[2 * PLANE + i];
  }
  return ppm;
}
