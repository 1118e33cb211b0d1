/**
 * The classes of an evaluation: those of its parts, by name.
 *
 * @module
 */
import type { ImageSource } from "../../data/sources/types.ts";
import { UserError } from "../base/errors.ts";
import { counted, grouped } from "../base/format.ts";
import { classNameOf } from "./data_report.ts";

/** The labels of a part's images, −1 where there is none, and the names of the classes that they mean. */
export interface PartLabels {
  labels: Int32Array;
  /** The part's name. */
  name: string;
  classes: readonly string[];
}

/** The classes that occur, and the labels of both parts as indices into them. */
export interface UnitedClasses {
  classes: string[];
  train: Int32Array<ArrayBuffer>;
  test: Int32Array<ArrayBuffer>;
}

/**
 * Unites the classes that occur in either part: those of equal names are one. Numbers are in numeric order; of names, those
 * of the training part come first, in its order.
 *
 * @throws {UserError} if there are fewer than two.
 */
export function uniteClasses(train: PartLabels, test: PartLabels): UnitedClasses {
  const [learned, tested] = [train, test].map(namesByLabel);
  const classes = [...new Set([...learned.values(), ...tested.values()])];
  if (classes.every((name) => /^\d+$/.test(name))) classes.sort((a, b) => Number(a) - Number(b));
  if (classes.length < 2) {
    const found = classes.length === 0 ? "no labels" : `one class, ${classes[0]}`;
    throw new UserError(
      `Cannot evaluate on "${train.name}" and "${test.name}": labels of at least two classes are needed, found ${found}. ` +
        `Put the images of each class in a folder of its own, or name labeled data: --train, --test.`,
    );
  }
  const places = new Map(classes.map((name, k) => [name, k]));
  const united = ({ labels }: PartLabels, names: ReadonlyMap<number, string>) => {
    const placeOf = new Map([...names].map(([label, name]) => [label, places.get(name)!]));
    return labels.map((label) => placeOf.get(label) ?? -1) as Int32Array<ArrayBuffer>;
  };
  return { classes, train: united(train, learned), test: united(test, tested) };
}

/** The labels that occur, in numeric order, with their names. */
function namesByLabel(part: PartLabels): Map<number, string> {
  const occurring = new Set(part.labels);
  occurring.delete(-1);
  return new Map([...occurring].sort((a, b) => a - b).map((label) => [label, classNameOf(part, label)]));
}

/**
 * A warning if some test images are of classes that no image to learn from has; null if all can be answered.
 *
 * @throws {UserError} if none can.
 */
export function unanswerable(
  { classes, train, test }: UnitedClasses,
  { learned, names }: { learned: ArrayLike<number>; names: { train: string; test: string } },
): string | null {
  const known = new Uint8Array(classes.length), lacking = new Set<number>();
  for (let i = 0; i < learned.length; i++) known[train[learned[i]]] = 1;
  let asked = 0, lost = 0;
  for (const label of test) {
    if (label < 0) continue;
    asked++;
    if (known[label]) continue;
    lost++;
    lacking.add(label);
  }
  if (lost === 0) return null;
  const unknown = [...lacking].map((label) => classes[label]);
  if (lost === asked) throw otherClasses(names, { expected: classes.filter((_, k) => known[k]), unknown });
  return `${grouped(lost)} of the ${grouped(asked)} test images are of ${
    counted(lacking.size, "class", "classes")
  } that no image to learn from has: ${some(unknown)}. They ` +
    `count as wrong.`;
}

/** The names of the classes that occur in `part`; null if its labels are unknown until its images are read. */
function namesIn(part: ImageSource): string[] | null {
  if (!part.label || part.length === null) return null;
  const labels = new Set<number>();
  for (let i = 0; i < part.length; i++) labels.add(part.label(i) ?? -1);
  labels.delete(-1);
  return [...labels].sort((a, b) => a - b).map((label) => classNameOf(part, label));
}

/**
 * Refuses parts before their images are read, as far as labels are known then.
 *
 * @throws {UserError} if the training part has only one class, or the test part none of its classes.
 */
export function expectAnswerable(train: ImageSource, test: ImageSource): void {
  const expected = namesIn(train), asked = namesIn(test);
  if (expected?.length === 1) {
    throw new UserError(
      `Cannot evaluate on "${train.name}": it has only one class, ${
        expected[0]
      }. Name data with at least two classes.`,
    );
  }
  if (!expected || !asked) return; // the images tell
  const known = new Set(expected);
  if (!asked.some((name) => known.has(name))) {
    throw otherClasses({ train: train.name, test: test.name }, { expected, unknown: asked });
  }
}

/** The error for test images that have other classes than the training images. */
function otherClasses(
  names: { train: string; test: string },
  { expected, unknown }: { expected: string[]; unknown: string[] },
): UserError {
  return new UserError(
    `Cannot evaluate on "${names.test}": its classes must be those of "${names.train}", expected ${
      some(expected)
    }, found ${some(unknown)}. Label both alike, or test on images of the same classes.`,
  );
}

const some = (names: string[]) => names.slice(0, 3).join(", ") + (names.length > 3 ? ", …" : "");
