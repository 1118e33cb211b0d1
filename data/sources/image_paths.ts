/**
 * Images by their paths, and what the folders of the paths tell: splits and classes. Folders and archives share it.
 *
 * @module
 */
import type { OpenContext } from "./open_options.ts";
import { mixedOrder } from "./listed.ts";
import { splitInPath } from "./split_files.ts";
import { chooseSplit, pathLevels, splitInName, splitNamed } from "./split_names.ts";
import { countedAs } from "./file_names.ts";
import type { SplitName, Survey } from "./survey.ts";

/** A folder on the path of images. */
interface Folder {
  /** The archive in which it lies: an index into the prefixes. */
  root: number;
  /** Its path, with a slash at the end; "" for the root itself. */
  path: string;
  /** How many images it has, subfolders not counted. */
  images: number;
}

/** Paths of images. Each costs its name and four bytes more, so that millions fit in memory. */
export class ImagePaths {
  /** The folders, in the order in which they were first named. */
  readonly folders: Folder[] = [];
  readonly #prefixes: readonly string[];
  readonly #known = new Map<string, number>();
  readonly #names: string[] = [];
  #folderOf = new Uint32Array(1024);

  /** `prefixes` precede the paths of each archive in the keys, so that keys are unique. */
  constructor(prefixes: readonly string[] = [""]) {
    this.#prefixes = prefixes;
  }

  /** The number of images. */
  get length(): number {
    return this.#names.length;
  }

  /** The number of the folder `path`, which ends with a slash unless it is the root, "". */
  folder(path: string, root = 0): number {
    const known = this.#known.get(`${root}:${path}`);
    if (known !== undefined) return known;
    this.#known.set(`${root}:${path}`, this.folders.length);
    return this.folders.push({ root, path, images: 0 }) - 1;
  }

  /** Adds an image. */
  add(folder: number, name: string): void {
    const image = this.#names.push(name) - 1;
    if (image === this.#folderOf.length) {
      const longer = new Uint32Array(2 * image);
      longer.set(this.#folderOf);
      this.#folderOf = longer;
    }
    this.#folderOf[image] = folder;
    this.folders[folder].images++;
  }

  /** The number of an image's folder. */
  folderOf(image: number): number {
    return this.#folderOf[image];
  }

  /** An image's path, after the prefix of its archive. */
  key(image: number): string {
    const { root, path } = this.folders[this.#folderOf[image]];
    return this.#prefixes[root] + path + this.#names[image];
  }

  /** Whether two images have the same key. */
  areEqual(image: number, other: number): boolean {
    return this.#folderOf[image] === this.#folderOf[other] && this.#names[image] === this.#names[other];
  }

  /** An image's path in its archive. */
  path(image: number): string {
    return this.folders[this.#folderOf[image]].path + this.#names[image];
  }

  /** Whether images lie in a folder or below it. */
  hasBelow(path: string): boolean {
    return this.folders.some((folder) => folder.images > 0 && folder.path.startsWith(path));
  }

  /** The path of a folder, after the prefix of its archive. */
  folderKey(folder: number): string {
    const { root, path } = this.folders[folder];
    return (this.#prefixes[root] + path).replace(/\/$/, "") || ".";
  }
}

/**
 * The images in `order`, which is a mixed one, but those of which a later entry of the archive has the same path: it replaces
 * them on disk.
 */
export function withoutDuplicates(
  order: Uint32Array,
  { images, survey }: { images: ImagePaths; survey: Survey },
): Uint32Array {
  return order.filter((image, i) => {
    if (i + 1 === order.length || !images.areEqual(image, order[i + 1])) return true;
    const name = images.key(image);
    survey.leaveOut({ name, kind: countedAs(name), reason: "a later entry has the same name" });
    return false;
  });
}

/** The images of the chosen split in mixed order, with their classes. */
export interface OrganizedImages {
  /** The numbers of the images. */
  order: Uint32Array;
  classes: string[];
  /** The label of an image, by its number. */
  label(image: number): number | null;
}

/**
 * Chooses the split and finds the classes of `images`. The first folder below those that all images share tells the split
 * if it is named so, else the folder below it; `splits` are those that the names of the archives tell. The first other
 * folder that is not shared is the class. Where nothing else tells a split that is asked for, what all images share may: a
 * folder, or `path`. The survey gets the images of the other splits, and the classes that have none:
 * `unusable` are folders where something looks like an image and cannot be read.
 */
export function organize(
  images: ImagePaths,
  { name, path = "", context, splits = [], unusable = new Set() }: {
    /** The source's name, for messages. */
    name: string;
    /** What may tell the split of all images, if one is asked for: the path of their folder or archive. */
    path?: string;
    context: OpenContext;
    splits?: readonly (SplitName | null)[];
    unusable?: ReadonlySet<number>;
  },
): OrganizedImages {
  const { survey, split: wanted } = context;
  const count = (folder: number) => images.folders[folder].images;
  const places = placesOf(images.folders, splits, (folder) => count(folder) > 0 || unusable.has(folder));
  if (wanted !== undefined && places.every(({ split }) => split === null)) {
    const told = splitOfShared(path, places);
    for (const place of places) place.split = told;
  }
  const { items, others } = chooseSplit(places, { name, splitOf: ({ split }) => split, wanted, survey });
  for (const { item: { folder }, split } of others) {
    const left = split === null ? { kind: "image", reason: "beside the splits" } : { kind: `split ${split}` };
    if (count(folder) > 0) survey.leaveOut({ name: images.folderKey(folder), ...left, count: count(folder) });
  }
  const classOf = classesOf(items);
  const filled = items.map(({ folder }) => folder).filter((folder) => count(folder) > 0);
  const named = (folders: Iterable<number>) =>
    [...new Set([...folders].map((folder) => classOf.get(folder)!))].filter((cls) => cls !== undefined)
      .sort();
  const classes = named(filled), labels = new Map(classes.map((cls, label) => [cls, label]));
  for (const cls of named(classOf.keys())) {
    if (!labels.has(cls)) survey.leaveOut({ name: cls, kind: "class", reason: "without a readable image" });
  }
  const isRead = new Set(filled);
  return {
    order: mixedOrder(images.length, {
      keyOf: (image) => images.key(image),
      includes: (image) => isRead.has(images.folderOf(image)),
    }),
    classes,
    label: (image) => labels.get(classOf.get(images.folderOf(image)) ?? "") ?? null,
  };
}

/** A folder, its split, and the folders on its path but the one that tells the split. */
interface Place {
  folder: number;
  root: number;
  split: SplitName | null;
  parts: string[];
}

function placesOf(
  folders: readonly Folder[],
  splits: readonly (SplitName | null)[],
  isUsed: (folder: number) => boolean,
): Place[] {
  const used = folders.map((_, folder) => folder).filter(isUsed);
  const places: Place[] = [];
  for (const [root, members] of Map.groupBy(used, (folder) => folders[folder].root)) {
    const level = splitLevel(members.map((folder) => folders[folder].path));
    for (const folder of members) {
      const parts = folders[folder].path.split("/").slice(0, -1);
      const [part = ""] = level === null ? [] : parts.splice(level, 1);
      places.push({
        folder,
        root,
        split: splitNamed(part) ?? splitInName(part) ?? splits[root] ?? null,
        parts,
      });
    }
  }
  return places;
}

/** The split that the nearest folder tells in which all images lie, `path` included. */
function splitOfShared(path: string, places: readonly Place[]): SplitName | null {
  const { shared } = pathLevels(places.map(({ parts }) => parts.map((part) => `${part}/`).join("")));
  return splitInPath([path, ...places[0]?.parts.slice(0, shared) ?? []].join("/"));
}

/** Which folder on the paths tells the split; null if none does. */
function splitLevel(paths: string[]): number | null {
  const { shared, split } = pathLevels(paths);
  if (split) return shared;
  // Some data sets have the splits below the classes.
  const classed = paths.map((path) => path.split("/").slice(0, -1)).filter((parts) => parts.length > shared);
  const below = classed.map((parts) => splitNamed(parts[shared + 1] ?? ""));
  return below.includes("train") && new Set(below).size > 1 && !below.includes(null) ? shared + 1 : null;
}

/** The classes by folder: the first folder below those that all images of an archive share. */
function classesOf(places: readonly Place[]): Map<number, string> {
  const classes = new Map<number, string>();
  for (const members of Map.groupBy(places, ({ root }) => root).values()) {
    const { shared } = pathLevels(members.map(({ parts }) => parts.map((part) => `${part}/`).join("")));
    for (const { folder, parts } of members) if (parts.length > shared) classes.set(folder, parts[shared]);
  }
  return classes;
}
