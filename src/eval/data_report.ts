/**
 * What a source holds, how it is divided, and what is left out: as data and as one line of text.
 *
 * @module
 */
import { type LeftOut, type LeftOutGroup, leftOutText, type SplitName } from "../../data/sources/survey.ts";
import type { ImageSource } from "../../data/sources/types.ts";
import { counted, grouped } from "../base/format.ts";

/** The classes that are listed with their numbers of images; the others are only counted. */
const MAX_LISTED = 5000;
/** Names of classes in a line of text. */
const MAX_NAMED = 5;

/** What a source holds and how it is used, as data.json and summary.json tell it in snake_case. */
export interface DataReport {
  /** Its name. */
  source: string;
  /** Its fingerprint. */
  fingerprint: string;
  /** Its images; null if their number is unknown until they are read. */
  images: number | null;
  /** Its images without a label; null if that is unknown until they are read. */
  unlabeled: number | null;
  /** The number of classes that it has images of; null if that is unknown until they are read. */
  classCount: number | null;
  /** The first 5,000 classes with their numbers of images; null if those are unknown until images are read. */
  classes: { name: string; images: number }[] | null;
  /** The split that is read, if names tell of splits. */
  split: SplitName | null;
  /** All splits that there are. */
  splits: SplitName[];
  /** What its images are for, such as "train" and "held out". */
  parts: PartReport[];
  /** What was found and is not used: how many, of which kinds for which reasons, and the first 1,000 names. */
  leftOut: { count: number; groups: LeftOutGroup[]; names: LeftOut[] };
}

/** A part of the images. */
export interface PartReport {
  /** What it is for. */
  name: string;
  /** Its number of images; null if it is unknown. */
  images: number | null;
  /** Its images without a label; null if that is unknown. */
  unlabeled: number | null;
  /** The number of its classes; null if it is unknown. */
  classes: number | null;
  /** The number of its classes that the first part lacks; null if it is unknown. */
  newClasses: number | null;
}

/** A part of a source, and what it is for. */
export interface NamedPart {
  name: string;
  part: ImageSource;
}

/** Reports on `source` and its `parts`. Of large sources it takes a while to count classes, some 10 million in a second. */
export function reportOn(source: ImageSource, parts: readonly NamedPart[] = []): DataReport {
  const { name, fingerprint, length, survey } = source, counts = imagesByLabel(source);
  const listed = counts && classesIn(source, counts);
  const labelsOf = parts.map(({ part }) => imagesByLabel(part));
  return {
    source: name,
    fingerprint,
    images: length,
    unlabeled: counts && (counts.get(null) ?? 0),
    classCount: listed ? listed.filter(({ images }) => images > 0).length : source.classes.length || null,
    classes: listed && listed.slice(0, MAX_LISTED),
    split: survey?.split ?? null,
    splits: [...survey?.splits ?? []].sort(),
    parts: parts.map(({ name, part }, i) => {
      const labels = labelsOf[i] && [...labelsOf[i].keys()].filter((label) => label !== null);
      const known = labelsOf[0];
      return {
        name,
        images: part.length,
        unlabeled: labelsOf[i] && (labelsOf[i].get(null) ?? 0),
        classes: labels && labels.length,
        newClasses: labels && known && labels.filter((label) => !known.has(label)).length,
      };
    }),
    leftOut: leftOutOf(source),
  };
}

/** What `source` has left out so far: of a stream, more may be found while it is read. */
export function leftOutOf({ survey }: ImageSource): DataReport["leftOut"] {
  return { count: survey?.count ?? 0, groups: survey?.groups ?? [], names: [...survey?.names ?? []] };
}

/** The number of images of each label, and without one; null if labels are unknown until images are read. */
function imagesByLabel(source: ImageSource): Map<number | null, number> | null {
  if (!source.label || source.length === null) return null;
  const counts = new Map<number | null, number>();
  for (let i = 0; i < source.length; i++) {
    const label = source.label(i);
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return counts;
}

/** The name of the class `label` of `source`; classes without names are numbers. */
export function classNameOf({ classes }: { classes: readonly string[] }, label: number): string {
  return classes[label] ?? String(label);
}

/** The classes of `source`, also those that no image has. */
function classesIn(source: ImageSource, counts: ReadonlyMap<number | null, number>) {
  const listed = source.classes.map((name, label) => ({ name, images: counts.get(label) ?? 0 }));
  const unnamed = [...counts].flatMap(([label, images]) =>
    label === null || label < source.classes.length ? [] : [{ name: classNameOf(source, label), images }]
  );
  return [...listed, ...unnamed];
}

/**
 * A report as one line: `2,000 images in 10 classes from photos: 1,800 train, 200 held out (10 classes); 45 left out: 30
 * .heic (not readable), 15 .txt`.
 */
export function dataLine(report: DataReport): string {
  const { source, images, unlabeled, classCount, parts } = report;
  const labels = classCount
    ? ` in ${counted(classCount, "class", "classes")}`
    : unlabeled !== null && unlabeled === images
    ? " without labels"
    : "";
  const what = images === null ? "Images of unknown number" : counted(images, "image");
  const divided = parts.length > 0 ? `: ${partTexts(report).join(", ")}` : "";
  return [`${what}${labels} from ${source}${splitText(report)}${divided}`, ...notes(report)].join("; ");
}

function splitText({ split, splits }: DataReport): string {
  const others = splits.filter((name) => name !== split);
  if (splits.length === 0) return "";
  const read = split === null ? "images that belong to no split" : `split ${split}`;
  return ` (${read}${others.length > 0 ? `, not ${others.join(", ")}` : ""})`;
}

function partTexts({ images, parts }: DataReport): string[] {
  const texts = parts.map(({ name, images, unlabeled, classes, newClasses }, i) => {
    const count = images === null ? "an unknown number" : grouped(images);
    if (i === 0 || !classes) return `${count} ${name}`;
    const lacking = newClasses ? `, ${grouped(newClasses)} of them without a training image` : "";
    const without = unlabeled ? `, ${grouped(unlabeled)} images without a label` : "";
    return `${count} ${name} (${counted(classes, "class", "classes")}${lacking}${without})`;
  });
  if (images === null || parts.some((part) => part.images === null)) return texts;
  const unused = images - parts.reduce((sum, part) => sum + part.images!, 0);
  return unused > 0 ? [...texts, `${grouped(unused)} not used`] : texts;
}

function notes({ images, unlabeled, classes, leftOut }: DataReport): string[] {
  const empty = (classes ?? []).filter(({ images }) => images === 0).map(({ name }) => name);
  const named = empty.slice(0, MAX_NAMED).join(", ") + (empty.length > MAX_NAMED ? ", …" : "");
  const left = leftOutText(leftOut);
  return [
    ...unlabeled && unlabeled !== images ? [`${grouped(unlabeled)} of them without a label`] : [],
    ...empty.length > 0 ? [`${counted(empty.length, "class", "classes")} without an image: ${named}`] : [],
    ...left ? [left] : [],
  ];
}
