/**
 * The interfaces of image sources.
 *
 * @module
 */
import type { FileRange } from "../file_range.ts";
import type { Survey } from "./survey.ts";

/** An image as it is stored. */
export interface EncodedImage {
  /**
   * Its number in source order; in a part of a source, its number in the whole. In a streamed source whose shards have
   * unknown lengths: the shard's number · 2³² + the image's number in the shard.
   */
  index: number;
  /** Its name: a path, or an entry of a shard. */
  key: string;
  /** The bytes of the image file. They must not be changed. */
  bytes: Uint8Array;
  /** Index into the source's classes; null if unlabeled. */
  label: number | null;
}

/** An image and where its bytes lie. */
export interface LocatedImage extends Omit<EncodedImage, "bytes"> {
  /** The file and the bytes in it. */
  fileRange: FileRange;
}

/** What all sources have. Iterating gives each image once, in source order, and throws at one that cannot be read. */
export interface Source extends AsyncIterable<EncodedImage> {
  /** Its name, as the user gave it. */
  readonly name: string;
  /** The class names; empty if no image is labeled, or if they are unknown until the images are read. */
  readonly classes: string[];
  /**
   * Equal for two sources with the same images in the same order, as far as can be told without reading much: by names,
   * labels and sizes, or by what a server says about its files. A resumed run compares it.
   */
  readonly fingerprint: string;
  /** What was found and is not given as images, and which split is given. */
  readonly survey?: Survey;
  /** Releases open files and memory. */
  close(): void;
}

/** A source that reads images in any order, several at a time. */
export interface IndexedSource extends Source {
  /** Tells the two kinds apart. */
  readonly kind: "indexed";
  /** The number of images. */
  readonly length: number;
  /** The name of the image at `index`, without reading it. */
  key(index: number): string;
  /** The label of the image at `index`, without reading it. */
  label(index: number): number | null;
  /** In a part of a source: the number of the image at `index` in the whole. Left out, it is `index` itself. */
  numberOf?(index: number): number;
  /** Reads the image at `index`, 0 … length − 1. Aborting `signal` ends waiting for a server. */
  read(index: number, signal?: AbortSignal): Promise<EncodedImage>;
  /** How many images are best read at a time; left out, {@linkcode readSamples} decides. */
  readonly concurrentReads?: number;
  /** Where the image's bytes lie; null if they are not a part of a file. Workers then read them. Optional. */
  locate?(index: number): LocatedImage | null;
}

/** A source of shards, each of which is read sequentially. */
export interface StreamedSource extends Source {
  /** Tells the two kinds apart. */
  readonly kind: "streamed";
  /** The number of images; null if it is unknown until they are read. */
  readonly length: number | null;
  /** The label of image `index` in source order, if labels are known before the images are read. */
  label?(index: number): number | null;
  /** The shards, in source order. */
  readonly shards: readonly Shard[];
}

/** A part of a streamed source. */
export interface Shard {
  /** Its name in messages. */
  readonly name: string;
  /** The number of images; null if it is unknown until they are read. */
  readonly length: number | null;
  /** On a server: how many of the shards behind it are best asked for while it is read. Default: 0. */
  readonly ahead?: number;
  /**
   * Its images in order, from number `from` on. `at`, if given, is the `at` of that image from an earlier reading, where
   * reading may begin. Leaving the iteration or aborting `signal` releases everything. Throws a UserError with the shard
   * and the byte or row if it is damaged.
   */
  open(options: { from: number; at?: number | null; signal?: AbortSignal }): AsyncIterable<ShardImage>;
}

/** An image of a shard. */
export interface ShardImage {
  /** Its number in the shard. */
  number: number;
  /** In a shard of a part of a source: its number in the whole. */
  index?: number;
  /** Its name. */
  key: string;
  /** The bytes of the image file. */
  bytes: Uint8Array;
  /** Index into the source's classes; null if unlabeled. */
  label: number | null;
  /** Why this image cannot be read although the shard continues; usually null. */
  failure: string | null;
  /** The byte at which reading of the shard can begin for this image; null if it is unknown or of no use. */
  at: number | null;
}

/** Where images come from. */
export type ImageSource = IndexedSource | StreamedSource;
