/**
 * What an entry of a WebDataset archive is, by its name, and to which sample it belongs.
 *
 * WebDataset's extension begins at the first dot: `1.left.jpg`, `1.right.jpg` and `1.cls` are one sample. Files of other
 * origins have dots in their names: `cat.0.jpg` and `scan.2023.07.jpg` are images of their own. A digit between the dots
 * tells them apart.
 *
 * @module
 */
import { countedAs, kindOfName, skippedFolder } from "./file_names.ts";
import { isImageName } from "./listed.ts";

/** Names as samples see them. Without an extension that is known, the stem is the whole path. */
export interface SampleName {
  /** The path without what leads out of the archive. */
  path: string;
  /** The path without its extension, */
  stem: string;
  /** without the words between dots, */
  base: string;
  /** and those words; empty if there are none. */
  part: string;
}

/** The role of an entry. Of "unknown" ones, the first bytes tell whether they are images. */
export type Role =
  | { kind: "image" | "unknown" | "cls" | "json"; name: SampleName }
  | { kind: "left out"; as: string; reason: string | null }
  | { kind: "ignored" };

/** The path of an entry without what leads out of the archive. */
export function withinArchive(entry: string): string {
  return /^\.*\//.test(entry) ? entry.replace(/^(\.*\/)+/, "") : entry;
}

/** The role of the entry `entry`. */
export function roleOf(entry: string): Role {
  const path = withinArchive(entry);
  const slash = path.lastIndexOf("/"), file = path.slice(slash + 1);
  if (file === "") return { kind: "ignored" }; // a folder
  const judged = kindOfName(file);
  if (judged.kind === "clutter") return { kind: "ignored" };
  if (slash > 0 && isHidden(path.slice(0, slash))) {
    return isImageName(file)
      ? { kind: "left out", as: "image", reason: "in a hidden folder" }
      : { kind: "ignored" };
  }
  if (judged.kind === "image") return { kind: "image", name: nameOf(path, true) };
  const label = /^[^.].*\.(cls|json)$/i.exec(file)?.[1].toLowerCase() as "cls" | "json" | undefined;
  if (label) return { kind: label, name: nameOf(path, true) };
  if ("reason" in judged) return { kind: "left out", as: countedAs(file), reason: judged.reason };
  return { kind: "unknown", name: nameOf(path, false) };
}

/** The last folder that was judged: the entries of a folder follow one another. */
let last = { folder: "", isHidden: false };

/** Whether a folder, or one above it in the archive, is hidden or of a system. */
function isHidden(folder: string): boolean {
  if (folder !== last.folder) {
    const parts = folder.split("/");
    last = { folder, isHidden: parts.some((part) => part !== ".." && skippedFolder(part) !== null) };
  }
  return last.isHidden;
}

function nameOf(path: string, hasExtension: boolean): SampleName {
  const stem = hasExtension ? path.slice(0, path.lastIndexOf(".")) : path, base = firstBase(stem);
  const part = stem.slice(base.length + 1);
  return /\d/.test(part) ? { path, stem, base: stem, part: "" } : { path, stem, base, part };
}

/** WebDataset's base of a stem: up to the first dot of the file name. */
export function firstBase(stem: string): string {
  const dot = stem.indexOf(".", stem.lastIndexOf("/") + 2); // not a dot at the beginning
  return dot < 0 ? stem : stem.slice(0, dot);
}
