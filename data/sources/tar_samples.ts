/**
 * How WebDataset makes samples of entries, and labels of their .cls texts.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { isImageExtension } from "./listed.ts";

/** What an entry is to its sample: neighbouring entries with the same base name make one. Null if it is nothing. */
export function roleOf(entry: string): { base: string; kind: "image" | "cls" | "other" } | null {
  // WebDataset's rule: the extension begins at the first dot of the file name, and no base name is empty.
  const match = /^((?:.*\/)?[^./][^./]*)\.([^/]*)$/.exec(entry);
  if (!match) return null;
  const [, base, extension] = match;
  if (isImageExtension(extension)) return { base, kind: "image" };
  return { base, kind: extension.toLowerCase() === "cls" ? "cls" : "other" };
}

/** The text of a .cls entry has so many bytes at most. */
const LARGEST_LABEL = 1 << 16;

/** Throws a UserError if the .cls entry of an archive is too large to be one. */
export function expectLabel(
  archive: string,
  { name, offset, size }: { name: string; offset: number; size: number },
): void {
  if (size <= LARGEST_LABEL) return;
  throw new UserError(
    `Cannot read ${archive}: expected an integer or a name in ${name} at byte ${offset}: it has ${size} bytes. ` +
      `Replace it.`,
  );
}

/** The names of classes in the text of a classes.txt: one a line. */
export function classLines(text: string): string[] {
  return text.split(/\r?\n/).map((line) => line.trim()).filter(Boolean);
}

const isNumber = (cls: string) => /^\d{1,6}$/.test(cls); // longer ones are names, not indices

/** The classes of a source, and what its .cls texts mean. */
export interface Labels {
  classes: string[];
  /** Throws a UserError if the text is none of the classes. */
  labelOf(sample: { key: string; cls: string | null }): number | null;
}

/**
 * What the .cls texts of a source called `name` mean: numbers of the classes `listed` in classes.txt, or names of them.
 * Without a classes.txt the texts tell the classes, if all are known.
 */
export function labelsOf(
  name: string,
  { listed, texts }: { listed: string[]; texts: Set<string> | null },
): Labels {
  let classes = listed;
  const numbered = texts === null ? null : [...texts].every(isNumber);
  if (texts?.size === 0) classes = [];
  else if (texts && listed.length === 0) {
    const largest = [...texts].reduce((most, cls) => Math.max(most, Number(cls)), 0);
    classes = numbered ? Array.from({ length: largest + 1 }, (_, k) => String(k)) : [...texts].sort();
  }
  const places = new Map(classes.map((cls, k) => [cls, k]));
  return {
    classes,
    labelOf({ key, cls }) {
      if (cls === null) return null;
      const asNumber = numbered ?? isNumber(cls);
      // Nothing is known of the classes: their numbers are all there is.
      if (classes.length === 0) return asNumber ? Number(cls) : null;
      const label = asNumber ? Number(cls) : places.get(cls) ?? -1;
      if (label >= 0 && label < classes.length) return label;
      throw new UserError(
        `Cannot label the images of ${name}: expected one of the ${classes.length} classes of classes.txt: ${key} has ` +
          `${JSON.stringify(cls)}. Correct classes.txt or remove it.`,
      );
    },
  };
}
