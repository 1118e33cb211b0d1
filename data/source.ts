/**
 * Where images come from.
 *
 * @module
 */
import { messageOf, UserError } from "../src/errors.ts";
import { isCifarTraining, openCifar } from "./sources/cifar.ts";
import type { Place } from "./place.ts";
import { entriesOf } from "./sources/entries.ts";
import { openFolder } from "./sources/folder.ts";
import type { Patience } from "./sources/http_connection.ts";
import { joinSources } from "./sources/joined.ts";
import { isImageName } from "./sources/listed.ts";
import { baseName, pathsOf, urlsOf } from "./sources/patterns.ts";
import { openShapes } from "./sources/shapes.ts";
import { openTar } from "./sources/tar.ts";
import { openTarHttp } from "./sources/tar_http.ts";

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

/** How sources are opened. */
export interface OpenOptions {
  /** How long to try where a server fails. */
  patience?: Patience;
  /** Ends the opening by its reason when aborted, where it would wait for a server. */
  signal?: AbortSignal;
}

/**
 * Opens the source that `spec` names, or those that several name as one:
 *
 * - `shapes` or `shapes:N`: the built-in set of drawn figures, N images;
 * - a folder of images, of WebDataset shards, of Parquet files, or CIFAR's of binary batches;
 * - a file: a WebDataset shard (.tar, .tar.gz, .tgz), a Parquet file, a .zip, a batch of CIFAR's (.bin);
 * - files by a pattern: `train-{00000..00009}.tar`, `{a,b}.tar`, `*.parquet`;
 * - WebDataset shards by their URLs, also with braces: `https://host/train-{000..146}.tar`.
 *
 * Throws a UserError if there is nothing there, or nothing that can be used.
 */
export async function openSource(
  spec: string | readonly string[],
  options: OpenOptions = {},
): Promise<ImageSource> {
  if (typeof spec === "string") return await openOne(spec, options);
  if (spec.length === 1) return await openOne(spec[0], options);
  const parts: ImageSource[] = [];
  try {
    for (const one of spec) parts.push(await openOne(one, options));
    return await joinSources(parts);
  } catch (error) {
    parts.forEach((part) => part.close());
    throw error;
  }
}

async function openOne(spec: string, options: OpenOptions): Promise<ImageSource> {
  const shapes = /^shapes(?::(.*))?$/.exec(spec);
  if (shapes) return await openShapes(shapes[1]);
  if (/^https?:/i.test(spec)) return await openTarHttp(spec, await urlsOf(spec), options);
  const info = await statOf(spec);
  if (info?.isDirectory) return await openDirectory(spec);
  const paths = info ? [spec] : await pathsOf(spec);
  if (paths.length > 0) return await openFiles(spec, paths);
  const isUrl = /^[a-z][a-z0-9+.-]+:/i.test(spec);
  throw unreadable(spec, isUrl ? "no source of this kind is known" : "no such file or folder");
}

/** What is at `path`; null if nothing is. */
async function statOf(path: string): Promise<Deno.FileInfo | null> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw unreadable(path, messageOf(error));
  }
}

/** Kinds of files that have images in them, by their names, and how to open some as one source. */
const kinds: { kind: string; pattern: RegExp; open(name: string, paths: string[]): Promise<ImageSource> }[] =
  [
    { kind: "tar archives", pattern: /\.(tar|tar\.gz|tgz)$/i, open: openTar },
    { kind: "batches of CIFAR", pattern: /\.bin$/i, open: openCifar },
    // What only these need is loaded for them alone.
    {
      kind: "Parquet files",
      pattern: /\.parquet$/i,
      open: async (name, paths) => (await import("./sources/parquet.ts")).openParquet(name, paths),
    },
    {
      kind: "zip archives",
      pattern: /\.zip$/i,
      open: async (name, paths) => (await import("./sources/zip.ts")).openZip(name, paths),
    },
  ];

const kindOf = (name: string) => kinds.find(({ pattern }) => pattern.test(name));

async function openFiles(name: string, paths: string[]): Promise<ImageSource> {
  const kind = kindOf(paths[0]);
  if (!kind) throw unreadable(name, `${baseName(paths[0])} is a file of another kind`);
  const other = paths.find((path) => kindOf(path) !== kind);
  if (other !== undefined) {
    throw new UserError(
      `Cannot open the data source ${name}: expected files of one kind: ${baseName(paths[0])} is among the ` +
        `${kind.kind}, ${baseName(other)} is not. Name them apart: --data ${paths[0]} --data ${other}.`,
    );
  }
  return await kind.open(name, paths);
}

async function openDirectory(path: string): Promise<ImageSource> {
  const entries = await entriesOf(path);
  const cifar = entries.filter(({ name, isFile }) => isFile && isCifarTraining(name));
  if (cifar.length > 0) return await openCifar(path, cifar.map(({ name }) => `${path}/${name}`));
  const archives = entries.filter(({ name, isFile }) =>
    isFile && !/\.bin$/i.test(name) && kindOf(name) !== undefined
  );
  if (archives.length === 0) return await openFolder(path);
  const first = archives[0].name;
  const other = entries.find(({ name, isDirectory, isFile }) =>
    isDirectory || isImageName(name) || isFile && kindOf(name) && kindOf(name) !== kindOf(first)
  );
  if (other) {
    throw new UserError(
      `Cannot open the data source ${path}: expected images and folders of them, or files of one kind that have images ` +
        `in them: it has both, ${other.name} and ${first}. Move one kind elsewhere, or name a file: ` +
        `--data ${path}/${first}.`,
    );
  }
  return await openFiles(path, archives.map(({ name }) => `${path}/${name}`));
}

function unreadable(spec: string, found: string): UserError {
  return new UserError(
    `Cannot open the data source ${spec}: expected "shapes", "shapes:N", a folder of images, or WebDataset (.tar, ` +
      `.tar.gz), Parquet, .zip or CIFAR files, a folder or a pattern of them, or http:// addresses of .tar files: ` +
      `${found}. Check --data.`,
  );
}
