/**
 * The images of zip archives: their paths, and where their contents lie.
 *
 * @module
 */
import { KIND_BYTES } from "../formats/kind.ts";
import { countedAs, extensionOf, kindOfName, skippedFolder } from "./file_names.ts";
import { ImagePaths } from "./image_paths.ts";
import { NumberList } from "./number_list.ts";
import type { RandomAccess } from "./random_access.ts";
import { sniffed } from "./sniff.ts";
import type { Survey } from "./survey.ts";
import { type EntryPlace, readEntryHead, unreadableEntry } from "./zip_content.ts";
import { zipEntries } from "./zip_directory.ts";
import type { ZipEntry } from "./zip_directory_entry.ts";

/** An entry in a folder. */
interface Placed {
  /** The number of the folder. */
  folder: number;
  /** The name of the file. */
  name: string;
  entry: ZipEntry;
}

/** A folder of an archive; null for one that is passed over. */
type Parent = { folder: number; leadsOut: boolean } | null;

/** Collects the images of archives, in some hundred bytes each; the survey gets the other entries. */
export class ZipImages {
  readonly paths: ImagePaths;
  /** The folders in which something looks like an image and cannot be read. */
  readonly unusable = new Set<number>();
  /** The number of archives. */
  readonly #count: number;
  readonly #survey: Survey;
  readonly #offsets = new NumberList(Float64Array);
  readonly #compressedSizes = new NumberList(Float64Array);
  readonly #sizes = new NumberList(Float64Array);
  readonly #checksums = new NumberList(Uint32Array);
  readonly #methods = new NumberList(Uint8Array);

  /** `prefixes` precede the paths of each archive in the keys. */
  constructor(prefixes: readonly string[], survey: Survey) {
    this.paths = new ImagePaths(prefixes);
    this.#count = prefixes.length;
    this.#survey = survey;
  }

  /** Where the content of an image lies in its archive. */
  placeOf(image: number): EntryPlace {
    return {
      offset: this.#offsets.at(image),
      compressedSize: this.#compressedSizes.at(image),
      size: this.#sizes.at(image),
      crc: this.#checksums.at(image),
      method: this.#methods.at(image),
    };
  }

  /** Adds the images of the archive number `root`. */
  async add(file: RandomAccess, root: number): Promise<void> {
    const before = this.paths.length, parents = new Map<string, Parent>();
    const unknown: Placed[] = [], outside: Placed[] = [];
    for await (const entries of zipEntries(file)) {
      for (const entry of entries) {
        const slash = entry.name.lastIndexOf("/") + 1, path = entry.name.slice(0, slash);
        if (slash === entry.name.length && entry.size === 0) continue; // a folder
        let parent = parents.get(path);
        if (parent === undefined) parents.set(path, parent = this.#parentOf(path, root));
        if (parent === null) continue;
        const placed = { folder: parent.folder, name: entry.name.slice(slash), entry };
        if (parent.leadsOut) outside.push(placed);
        else this.#place(placed, unknown);
      }
    }
    await this.#judge(file, unknown.splice(0));
    // Nothing is written to disk, so that any path can be read. But one that leads elsewhere, among others that do not, would
    // change what the folders tell of classes.
    const isOnly = this.paths.length === before;
    for (const placed of outside) {
      if (isOnly) this.#place(placed, unknown);
      else this.#leaveOut(placed, { name: placed.entry.name, reason: "its path leads out of the archive" });
    }
    await this.#judge(file, unknown);
    if (this.#count > 1 && this.paths.length === before) {
      this.#survey.leaveOut({ name: file.name, kind: ".zip", reason: "without an image" });
    }
  }

  #parentOf(path: string, root: number): Parent {
    const parts = path.split("/").filter((part) => part !== "" && part !== ".");
    const isName = (part: string) => part !== ".." && !/^[a-z]:$/i.test(part);
    const skipped = parts.findIndex((part) => isName(part) && skippedFolder(part) !== null);
    const folder = this.paths.folder(parts.filter(isName).map((part) => `${part}/`).join(""), root);
    if (skipped < 0) return { folder, leadsOut: path.startsWith("/") || !parts.every(isName) };
    const top = this.paths.folder(parts.slice(0, skipped + 1).map((part) => `${part}/`).join(""), root);
    if (!this.#skipped.has(top)) {
      const reason = skippedFolder(parts[skipped]);
      this.#survey.leaveOut({ name: this.paths.folderKey(top), kind: "folder", reason });
    }
    this.#skipped.add(top);
    return null;
  }

  /** The folders that were passed over and counted. */
  readonly #skipped = new Set<number>();

  /** Adds an entry if it is an image by its name; to `unknown` if the name does not tell. */
  #place(placed: Placed, unknown: Placed[]): void {
    const judged = kindOfName(placed.name);
    if (judged.kind === "clutter") return;
    if ("reason" in judged) {
      const isArchive = judged.kind === "archive";
      this.#leaveOut(placed, { reason: isArchive ? "an archive in the archive: unpack it" : judged.reason });
      if (judged.kind === "unreadable image") this.unusable.add(placed.folder);
      return;
    }
    const reason = placed.entry.isLink ? "a link in an archive" : unreadableEntry(placed.entry);
    if (reason !== null) {
      this.#leaveOut(placed, { reason });
      if (judged.kind === "image") this.unusable.add(placed.folder);
    } else if (judged.kind === "image") this.#add(placed);
    else unknown.push(placed);
  }

  #add({ folder, name, entry }: Placed): void {
    this.paths.add(folder, name);
    this.#offsets.push(entry.offset);
    this.#compressedSizes.push(entry.compressedSize);
    this.#sizes.push(entry.size);
    this.#checksums.push(entry.crc);
    this.#methods.push(entry.method);
  }

  /** Adds those of the `unknown` entries that are images by their first bytes. */
  async #judge(file: RandomAccess, unknown: readonly Placed[]): Promise<void> {
    const judged = sniffed(unknown, {
      extensionOf: ({ name }) => extensionOf(name),
      readHead: ({ entry }) => readEntryHead(file, entry, KIND_BYTES),
    });
    for await (const { file: placed, reason } of judged) {
      if (reason === null) this.#add(placed);
      else this.#leaveOut(placed, { reason: reason === "no image" ? null : reason });
    }
  }

  #leaveOut({ folder, name }: Placed, { reason, ...entry }: { reason: string | null; name?: string }): void {
    const path = `${this.paths.folderKey(folder)}/${name}`.replace(/^\.\//, "");
    this.#survey.leaveOut({ name: entry.name ?? path, kind: countedAs(name), reason });
  }
}
