/**
 * CIFAR-10 and CIFAR-100 in their binary version: files of records of 32 × 32 pixels each (Krizhevsky 2009,
 * https://www.cs.toronto.edu/~kriz/cifar.html).
 *
 * A record is a byte with the label, or two with CIFAR-100's coarse and fine ones, and then 1,024 bytes for each of red,
 * green and blue. Images are handed out as PPM, the simplest format that carries them as they are.
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

/** The two sets: bytes before the pixels, of which the last is the label; how many classes, and where their names are. */
const sets = {
  cifar10: { labels: 1, classes: 10, names: "batches.meta.txt" },
  cifar100: { labels: 2, classes: 100, names: "fine_label_names.txt" },
};

/** Whether a file in a folder has images to train on, by its name. */
export function isCifarTraining(name: string): boolean {
  return /^(data_batch_\d+|train)\.bin$/.test(name);
}

/**
 * Opens the files at `paths`, all of CIFAR-10 or all of CIFAR-100, as one source called `name`. They are read once for
 * it, for their labels and for a fingerprint. Throws a UserError if one is cut off, or of another kind.
 */
export async function openCifar(name: string, paths: string[]): Promise<IndexedSource> {
  const set = sets[/^(train|test)\.bin$/.test(baseName(paths[0])) ? "cifar100" : "cifar10"];
  const items: { key: string; label: number; path: string; offset: number }[] = [];
  const identity: string[] = [];
  const record = set.labels + PIXELS;
  for (const path of paths) {
    const refuse = (error: unknown) => {
      throw readError(path, error);
    };
    const { size } = await Deno.stat(path).catch(refuse);
    const damaged = (expected: string, found: string) =>
      new UserError(
        `Cannot read ${path}: expected ${expected}: ${found}. It is damaged, cut off, or not of CIFAR-${set.classes}'s ` +
          `binary version. Copy or download it again.`,
      );
    if (size === 0 || size % record !== 0) throw damaged(`records of ${record} bytes`, `it has ${size}`);
    const bytes = await Deno.readFile(path).catch(refuse);
    for (let number = 0, start = 0; start < bytes.length; number++, start += record) {
      const label = bytes[start + set.labels - 1];
      if (label >= set.classes) {
        throw damaged(
          `a label below ${set.classes} at byte ${start + set.labels - 1}, in record ${number}`,
          `it is ${label}`,
        );
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

/** The lines of the file at `path`; numbers if it is not there, or has not so many. */
async function classNames(path: string, count: number): Promise<string[]> {
  const text = await Deno.readTextFile(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return "";
    throw new UserError(
      `Cannot read ${path} for the names of classes: ${messageOf(error)}. Restore or remove it.`,
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
