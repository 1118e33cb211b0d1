/**
 * The samples of local tar archives: where they lie and what their labels are.
 *
 * @module
 */
import { hashText } from "../../src/base/random.ts";
import { digest } from "./digest.ts";
import { countedAs, kindOfName } from "./file_names.ts";
import { ImagePaths } from "./image_paths.ts";
import type { Survey } from "./survey.ts";
import { firstBase, roleOf, withinArchive } from "./tar_roles.ts";
import type { Grouped, Stray } from "./tar_runs.ts";

/** The fingerprint includes the first bytes of so many images. */
const SAMPLED_IMAGES = 32;

/** Where an image lies in its archive. The offset is of no use if the archive is compressed. */
export interface Place {
  offset: number;
  size: number;
}

/** Numbers that are appended one by one. */
class Numbers {
  #values = new Float64Array(1024);
  #length = 0;

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const longer = new Float64Array(2 * this.#length);
      longer.set(this.#values);
      this.#values = longer;
    }
    this.#values[this.#length++] = value;
  }

  at(index: number): number {
    return this.#values[index];
  }
}

/** Gathers the samples of archives, one archive after another. A sample costs some hundred bytes. */
export class TarCatalog {
  /** The samples, by number. */
  readonly paths: ImagePaths;
  readonly #survey: Survey;
  readonly #prefixes: readonly string[];
  readonly #offsets = new Numbers();
  readonly #sizes = new Numbers();
  /** The labels; undefined where none is known yet. */
  readonly #labels: (string | null | undefined)[] = [];
  /** Equal labels share one text. */
  readonly #texts = new Map<string, string>();
  /** Labels of the archive that are not beside their images. */
  #strays = new Map<string, { path: string; label: string | null; isUsed: boolean }>();
  /** The first sample of each archive. */
  readonly #firsts: number[] = [];
  /** The folders in which something looks like an image and cannot be read. */
  readonly unusable = new Set<number>();
  #lastFolder = { root: -1, path: "", number: 0 };
  /** The images with the smallest hashes of their names, with the digests of their first bytes. */
  #sampled: { key: string; hash: number; digest: Promise<string> }[] = [];

  /** `prefixes` are the names of the archives in keys, with a slash at the end. */
  constructor(prefixes: readonly string[], survey: Survey) {
    this.paths = new ImagePaths(prefixes);
    this.#prefixes = prefixes;
    this.#survey = survey;
  }

  /** The number of samples. */
  get length(): number {
    return this.paths.length;
  }

  /** Begins the next archive. */
  begin(): void {
    this.#firsts.push(this.length);
  }

  /** The samples of the archives: the first of each, and the one after the last of all. */
  get firsts(): number[] {
    return [...this.#firsts, this.length];
  }

  get #prefix(): string {
    return this.#prefixes[this.#firsts.length - 1];
  }

  /** Adds a sample of the archive. */
  add({ name, label, image: { offset, size } }: Pick<Grouped<Place>, "name" | "label" | "image">): void {
    const slash = name.path.lastIndexOf("/") + 1;
    this.paths.add(this.#folder(name.path.slice(0, slash)), name.path.slice(slash));
    this.#offsets.push(offset);
    this.#sizes.push(size);
    this.#labels.push(this.#shared(label));
  }

  /** The number of a folder of the archive; of the same as before, without looking it up. */
  #folder(path: string): number {
    const root = this.#firsts.length - 1, { root: lastRoot, path: lastPath, number } = this.#lastFolder;
    if (root === lastRoot && path === lastPath) return number;
    this.#lastFolder = { root, path, number: this.paths.folder(path, root) };
    return this.#lastFolder.number;
  }

  #shared(label: string | null | undefined): string | null | undefined {
    if (typeof label !== "string") return label;
    const known = this.#texts.get(label);
    if (known === undefined) this.#texts.set(label, label);
    return known ?? label;
  }

  /** Adds a label of the archive that has no image beside it. */
  addStray({ name: { stem, path }, label }: Stray): void {
    if (!this.#strays.has(stem)) this.#strays.set(stem, { path, label, isUsed: false });
  }

  /** Counts an entry of the archive as left out. */
  leaveOut(name: string, { kind, reason }: { kind: string; reason: string | null }): void {
    this.#survey.leaveOut({ name: this.#prefix + name, kind, reason });
    const path = withinArchive(name), slash = path.lastIndexOf("/") + 1;
    // Of kind "image" are those in hidden folders, and those that lie beside another one.
    if (kind !== "image" && /image$/.test(kindOfName(path.slice(slash)).kind)) {
      this.unusable.add(this.#folder(path.slice(0, slash)));
    }
  }

  /** Whether the fingerprint wants the first bytes of this image. */
  wantsContent(path: string): boolean {
    const full = this.#sampled.length === SAMPLED_IMAGES;
    return !full || hashText(this.#prefix + path) < this.#sampled.at(-1)!.hash;
  }

  /** Takes the first bytes of an image for the fingerprint. */
  addContent(path: string, head: Uint8Array): void {
    const key = this.#prefix + path;
    this.#sampled.push({ key, hash: hashText(key), digest: digest(head.slice()) });
    this.#sampled.sort((a, b) => a.hash - b.hash || (a.key < b.key ? -1 : 1));
    this.#sampled.length = Math.min(this.#sampled.length, SAMPLED_IMAGES);
  }

  /** The digests of the sampled images. */
  async contents(): Promise<string[]> {
    return await Promise.all(
      this.#sampled.map(async ({ key, digest }) => JSON.stringify([key, await digest])),
    );
  }

  /** Ends the archive: labels find their images wherever they lie. */
  end(): void {
    if (this.#strays.size > 0) {
      for (let number = this.#firsts.at(-1)!; number < this.length; number++) {
        if (this.#labels[number] === undefined) this.#labels[number] = this.#strayOf(number);
      }
    }
    for (const { path, isUsed } of this.#strays.values()) {
      if (!isUsed) this.leaveOut(path, { kind: "label", reason: "no image of its name" });
    }
    this.#strays = new Map();
    if (this.#prefixes.length === 1 || this.length > this.#firsts.at(-1)!) return;
    const name = this.#prefix.slice(0, -1);
    this.#survey.leaveOut({ name, kind: countedAs(name), reason: "without an image" });
  }

  #strayOf(number: number): string | null | undefined {
    const role = roleOf(this.pathOf(number));
    if (!("name" in role)) return undefined;
    const { stem, base } = role.name;
    const found = [stem, base, firstBase(stem)].map((key) => this.#strays.get(key)).find(Boolean);
    if (found) found.isUsed = true;
    return this.#shared(found?.label);
  }

  /** The path of a sample in its archive. */
  pathOf(number: number): string {
    return this.paths.path(number);
  }

  /** Where a sample lies. */
  placeOf(number: number): Place {
    return { offset: this.#offsets.at(number), size: this.#sizes.at(number) };
  }

  /** The archive of a sample. */
  archiveOf(number: number): number {
    return this.paths.folders[this.paths.folderOf(number)].root;
  }

  /** The label of a sample, null if it has none. */
  labelOf(number: number): string | null {
    return this.#labels[number] ?? null;
  }

  /** Whether any sample has an entry for its label. */
  get hasLabels(): boolean {
    return this.#labels.some((label) => label !== undefined);
  }
}
