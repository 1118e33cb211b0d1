/**
 * What a source of images is.
 *
 * @module
 */
import type { Place } from "../place.ts";

/** An image as it is stored. */
export interface EncodedImage {
  /**
   * A number of its own: its place in source order; of a streamed source that does not know how many images its shards
   * have, the number of its shard · 2³² + its place there.
   */
  index: number;
  /** What it is called: a path, or an entry of a shard. */
  key: string;
  /** The file's bytes, not to be changed. */
  bytes: Uint8Array;
  /** Index into the source's classes; null if unlabelled. */
  label: number | null;
}

/** An image, and where its bytes lie. */
export interface LocatedImage extends Omit<EncodedImage, "bytes"> {
  place: Place;
}

/** What all sources have. Iterating gives each image once, in source order; it throws at one that cannot be read. */
interface Source extends AsyncIterable<EncodedImage> {
  /** What the user calls it. */
  readonly name: string;
  /** The names of the classes; empty if no image has a label, or if they are not known before reading. */
  readonly classes: string[];
  /**
   * What a resumed run compares: equal for two sources if they have the same images in the same order, as far as can be
   * told without reading much: by names, labels and sizes, or by what a server tells of its files.
   */
  readonly fingerprint: string;
  /** Releases what the source holds. */
  close(): void;
}

/** A list of encoded images, read one by one, in any order and several at a time. */
export interface IndexedSource extends Source {
  readonly kind: "indexed";
  /** How many images it has. */
  readonly length: number;
  /** What the image at `index` is called, known without reading it. */
  key(index: number): string;
  /** The label of the image at `index`, known without reading it. */
  label(index: number): number | null;
  /** The image at `index`, 0 … length − 1. */
  read(index: number): Promise<EncodedImage>;
  /** The same, but where its bytes lie in place of them; null if they are not a part of a file. May be left out. */
  locate?(index: number): LocatedImage | null;
}

/** Encoded images in shards, each of which can only be read from its begin on, or from a place near there. */
export interface StreamedSource extends Source {
  readonly kind: "streamed";
  /** How many images it has; null if that is not known before reading them. */
  readonly length: number | null;
  readonly shards: readonly Shard[];
}

/** A part of a streamed source. */
export interface Shard {
  readonly name: string;
  /** How many images it has; null if that is not known before reading them. */
  readonly length: number | null;
  /**
   * Its images in order, from number `from` on. Where `at` is given, as the `at` of that image from an earlier reading,
   * reading may begin there. Leaving the iteration, or aborting `signal`, releases everything. Throws a UserError that
   * names the shard and the place if it is damaged.
   */
  open(options: { from: number; at?: number | null; signal?: AbortSignal }): AsyncIterable<ShardImage>;
}

/** An image of a shard. */
export interface ShardImage {
  /** Its place in the shard. */
  number: number;
  key: string;
  bytes: Uint8Array;
  label: number | null;
  /** Why its bytes cannot be had, although the shard goes on; null as a rule. */
  failure: string | null;
  /** The byte at which the shard's reading can begin for it; null if that is not known or of no use. */
  at: number | null;
}

/** Where images come from. */
export type ImageSource = IndexedSource | StreamedSource;
