/**
 * The classes of an evaluation: those of its parts, by name.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
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
  const named = [...lacking].slice(0, 3).map((label) => classes[label]).join(", ");
  const unknown = `${named}${lacking.size > 3 ? ", …" : ""}`;
  if (lost < asked) {
    return `${lost} of the ${asked} test images are of ${
      plural(lacking.size)
    } that no image to learn from has: ${unknown}. ` +
      `They count as wrong.`;
  }
  const some = classes.filter((_, k) => known[k]), first = some.slice(0, 3).join(", ");
  throw new UserError(
    `Cannot evaluate on "${names.test}": its classes must be those of "${names.train}", expected ${first}${
      some.length > 3 ? ", …" : ""
    }, found ${unknown}. Label both alike, or hold out images of all classes.`,
  );
}

const plural = (n: number) => n === 1 ? "one class" : `${n} classes`;
