/**
 * The classes of archives whose labels are unknown until they are read.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";

/** Longer numbers are names, not indices. */
const isNumber = (text: string) => /^\d{1,6}$/.test(text);

/** The classes of a source, and how the texts of its labels map to them. */
export interface Labels {
  classes: string[];
  /** The label of a sample; null if its text is a name and no classes are listed. Throws a UserError if it is none of the classes. */
  labelOf(sample: { key: string; cls: string | null }): number | null;
}

/**
 * The labels of a source called `name`: numbers or names of the classes `listed` in classes.txt. Without a classes.txt,
 * numbers are the labels.
 */
export function labelsOf(name: string, { listed }: { listed: string[] }): Labels {
  const places = new Map(listed.map((cls, k) => [cls, k]));
  return {
    classes: listed,
    labelOf({ key, cls }) {
      if (cls === null) return null;
      if (listed.length === 0) return isNumber(cls) ? Number(cls) : null;
      const label = places.get(cls) ?? (isNumber(cls) ? Number(cls) : -1);
      if (label >= 0 && label < listed.length) return label;
      throw new UserError(
        `Cannot label the images of "${name}": "${key}" has the label ${
          JSON.stringify(cls)
        }, which is none of the ` +
          `${listed.length} classes of classes.txt. Correct classes.txt or remove it.`,
      );
    },
  };
}
