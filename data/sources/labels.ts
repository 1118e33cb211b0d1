/**
 * From the labels that files tell, numbers or names, to classes.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import type { Survey } from "./survey.ts";

/**
 * A label as text: an integer in decimal digits, or a name. Null for no label: null, an empty text, NaN, and −1 and other
 * negative integers.
 */
export function labelText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "number" && Number.isNaN(value)) return null;
  const text = String(value).trim();
  if (/^(|null|none|nan|-\d+(\.0*)?)$/i.test(text)) return null;
  // 7, 007 and 7.0 are one class.
  const integer = /^\+?0*(\d+)(\.0*)?$/.exec(text);
  return integer ? integer[1] : text;
}

/** Why the text of a label is no class; null if it is one. */
export function noClass(label: string): string | null {
  if (/^[+-]?\d*\.\d+(e[+-]?\d+)?$/i.test(label)) return "a fraction, no class";
  return /^(\[.*\]|[+-]?[\d.]+([\s,;]+[+-]?[\d.]+)+)$/s.test(label) ? "not a single value" : null;
}

/** What fields of labels are usually called, the likeliest first. */
const FIELD_NAMES = ["label", "labels", "fine_label", "class", "cls", "category", "target"];

/** The one of `names` that is a label: `wanted`, or one that is usually called so, in any case. Undefined if there is none. */
export function labelField(names: readonly string[], wanted?: string): string | undefined {
  if (wanted !== undefined) {
    return names.find((name) => name === wanted) ??
      names.find((name) => name.toLowerCase() === wanted.toLowerCase());
  }
  return FIELD_NAMES.map((field) => names.find((name) => name.toLowerCase() === field)).find(Boolean);
}

/** Candidates that a message names. */
const MAX_NAMED = 5;

/** Counts the columns of a source without labels that may hold some: the user chooses. */
export function countCandidates(columns: readonly string[], survey: Survey): void {
  const distinct = [...new Set(columns)], more = distinct.length > MAX_NAMED ? ", …" : "";
  const reason = `${distinct.slice(0, MAX_NAMED).join(", ")}${more}: --label NAME takes one as labels`;
  for (const name of distinct) survey.leaveOut({ name, kind: "column", reason });
}

const isInteger = (text: string) => /^\d+$/.test(text);

/** Classes, and for each image the index of its class; −1 without a label. */
export interface Labeling {
  classes: string[];
  labels: Int32Array;
}

/**
 * The classes of images whose labels are `texts`, as {@linkcode labelText} gives them. Only labels that occur are classes:
 * integers in numeric order, names in the order of `names` or sorted. An integer is a number in `names` if they are given.
 *
 * @throws {UserError} for a label that is none of `names`.
 */
export function classify(
  texts: readonly (string | null)[],
  { name, names, list = "the list of classes", keyOf }: {
    /** The source's name, for messages. */
    name: string;
    /** The names of all classes, as in classes.txt; empty or left out if there are none. */
    names?: readonly string[];
    /** Where they are listed, for messages. */
    list?: string;
    /** The key of an image, for messages. */
    keyOf(image: number): string;
  },
): Labeling {
  const distinct = new Map<string, number>();
  texts.forEach((text, i) => {
    if (text !== null && !distinct.has(text)) distinct.set(text, i);
  });
  const numbered = [...distinct.keys()].every(isInteger);
  const listed = names && names.length > 0 ? new Map(names.map((cls, k) => [cls, k])) : null;
  // The place of a label among the classes, and its name.
  const placed = [...distinct].map(([text, i]) => {
    if (!listed) return { text, place: numbered ? Number(text) : 0, cls: text };
    const place = listed.get(text) ?? (isInteger(text) && Number(text) < names!.length ? Number(text) : null);
    if (place !== null) return { text, place, cls: names![place] };
    throw new UserError(
      `Cannot label the images of "${name}": "${keyOf(i)}" has the label ${
        JSON.stringify(text)
      }, which is none of the ` +
        `${names!.length} classes of ${list}. Correct ${list} or remove it.`,
    );
  });
  placed.sort((a, b) => a.place - b.place || (a.cls < b.cls ? -1 : a.cls > b.cls ? 1 : 0));
  const classes = [...new Set(placed.map(({ cls }) => cls))];
  const places = new Map(classes.map((cls, k) => [cls, k]));
  const indexOf = new Map(placed.map(({ text, cls }) => [text, places.get(cls)!]));
  return { classes, labels: Int32Array.from(texts, (text) => text === null ? -1 : indexOf.get(text)!) };
}
