/**
 * How WebDataset groups entries into samples and reads labels from .cls entries.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { isImageExtension } from "../formats/extensions.ts";

/** The role of an entry in its sample: consecutive entries with the same base name form one. Null if it has none. */
export function roleOf(entry: string): { base: string; kind: "image" | "cls" | "other" } | null {
  // WebDataset's rule: the extension begins at the first dot of the file name, and the base name is not empty.
  const match = /^((?:.*\/)?[^./][^./]*)\.([^/]*)$/.exec(entry);
  if (!match) return null;
  const [, base, extension] = match;
  if (isImageExtension(extension)) return { base, kind: "image" };
  return { base, kind: extension.toLowerCase() === "cls" ? "cls" : "other" };
}

/** A larger .cls entry is not a label. */
const MAX_LABEL_BYTES = 1 << 16;

/** Throws a UserError if a .cls entry is too large to be a label. */
export function checkLabelSize(
  archive: string,
  { name, offset, size }: { name: string; offset: number; size: number },
): void {
  if (size <= MAX_LABEL_BYTES) return;
  throw new UserError(
    `Cannot read "${archive}": the label "${name}" at byte ${offset} has ${size} bytes. Replace it by an integer or a ` +
      `class name.`,
  );
}

/** The class names in the text of a classes.txt, one per line. */
export function classLines(text: string): string[] {
  return text.split(/\r?\n/).map((line) => line.trim()).filter(Boolean);
}

const isNumber = (cls: string) => /^\d{1,6}$/.test(cls); // longer ones are names, not indices

/** The classes of a source, and how its .cls texts map to them. */
export interface Labels {
  classes: string[];
  /** The label of a sample. Throws a UserError if its text is none of the classes. */
  labelOf(sample: { key: string; cls: string | null }): number | null;
}

/**
 * The labels of a source called `name`. Its .cls texts are numbers or names of the classes `listed` in classes.txt. Without
 * a classes.txt, the classes follow from `texts`, if all are known.
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
      // The classes are unknown: only numbers can be labels.
      if (classes.length === 0) return asNumber ? Number(cls) : null;
      const label = asNumber ? Number(cls) : places.get(cls) ?? -1;
      if (label >= 0 && label < classes.length) return label;
      throw new UserError(
        `Cannot label the images of "${name}": "${key}" has the label ${
          JSON.stringify(cls)
        }, which is none of the ` +
          `${classes.length} classes of classes.txt. Correct classes.txt or remove it.`,
      );
    },
  };
}
