/**
 * Groups the entries of an archive into samples: an image and its label.
 *
 * @module
 */
import { firstBase, type SampleName } from "./tar_roles.ts";

/** A sample whose labels beside it have been read. */
export interface Grouped<T> {
  image: T;
  name: SampleName;
  /** The label beside it, null if that says that there is none; undefined if there is no label beside it. */
  label: string | null | undefined;
  /** Whether reading can begin with the first entry of the run: nothing before it is needed. */
  isFirst: boolean;
}

/** A label that is not beside its image. */
export interface Stray {
  name: SampleName;
  label: string | null;
}

/** What a run of entries is made into. */
export interface Ended<T> {
  samples: Grouped<T>[];
  /** Images that belong to another image's sample. */
  further: { image: T; name: SampleName }[];
  strays: Stray[];
}

/** If more images share a base name, they are not one sample. Only so many are kept at a time. */
const MAX_IMAGES = 16;

/** Words after which an image is a part of a sample, although there is none without such a word. */
const PARTS = new Set(
  ("left right input output source target image img rgb photo depth normal normals mask masks seg segmentation semantic " +
    "instance panoptic label labels gt annotation edge edges sketch condition control thumb thumbnail preview")
    .split(" "),
);

/**
 * Takes entries in order. A run is of consecutive entries with the same base name; `enter` ends the one before. Memory is
 * bounded, so that archives can be read as streams.
 */
export class Runs<T> {
  #base: string | null = null;
  #images: { image: T; name: SampleName }[] = [];
  #labels = new Map<string, Stray & { isUsed: boolean }>();
  /** Whether images of this run have been given out already. */
  #isContinued = false;

  /** How many images are waiting for the end of their run. */
  get waiting(): number {
    return this.#images.length;
  }

  /** To be called before an entry is added: what the run before it gives, if it ends; null if the entry belongs to it. */
  enter({ name, isLabel }: { name: SampleName; isLabel: boolean }): Ended<T> | null {
    if (this.#base !== null && this.#belongs(name, isLabel)) {
      if (isLabel || this.#images.length < MAX_IMAGES) return null;
      const ended = this.#samples();
      this.#isContinued = true;
      return { ...ended, strays: [] };
    }
    const ended = this.end();
    this.#base = name.base;
    return ended;
  }

  #belongs(name: SampleName, isLabel: boolean): boolean {
    if (name.base === this.#base) return true;
    // 1.cls beside 1.v2.jpg
    if (isLabel) return this.#images.length > 0 && name.base === firstBase(this.#base!);
    if (this.#images.length > 0 || this.#isContinued || firstBase(name.base) !== this.#base) return false;
    this.#base = name.base;
    return true;
  }

  /** Adds an image to the run. */
  addImage(name: SampleName, image: T): void {
    this.#images.push({ image, name });
  }

  /** Adds a label to the run. The first of its name counts, or the one that is `preferred`. */
  addLabel(name: SampleName, label: string | null, preferred: boolean): void {
    if (preferred || !this.#labels.has(name.stem)) {
      this.#labels.set(name.stem, { name, label, isUsed: false });
    }
  }

  /** Ends the run. */
  end(): Ended<T> {
    const ended = this.#samples();
    const strays: Stray[] = this.#labels.size === 0
      ? []
      : [...this.#labels.values()].filter(({ isUsed }) => !isUsed);
    this.#labels.clear();
    this.#base = null;
    this.#isContinued = false;
    return { ...ended, strays };
  }

  #samples(): Omit<Ended<T>, "strays"> {
    const all = this.#images;
    if (all.length === 0) return { samples: [], further: [] };
    this.#images = [];
    const plain = all.find(({ name }) => name.part === "");
    const chosen = plain ?? all.find(({ name }) => isPart(name));
    const isOwn = (each: typeof all[number]) =>
      each === chosen || (each.name.part !== "" && this.#labels.has(each.name.stem)) ||
      plain === undefined && !isPart(each.name);
    const samples = all.filter(isOwn).map(({ image, name }, i) => ({
      image,
      name,
      label: this.#labelOf(name),
      isFirst: i === 0 && !this.#isContinued,
    }));
    return { samples, further: all.length === samples.length ? [] : all.filter((each) => !isOwn(each)) };
  }

  #labelOf({ stem, base }: SampleName): string | null | undefined {
    if (this.#labels.size === 0) return undefined;
    const found = this.#labels.get(stem) ?? this.#labels.get(base) ?? this.#labels.get(firstBase(stem));
    if (found) found.isUsed = true;
    return found?.label;
  }
}

const isPart = ({ part }: SampleName) => PARTS.has(part.toLowerCase());
