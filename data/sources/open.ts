/**
 * Opens sources of images by their names.
 *
 * @module
 */
import { messageOf, UserError } from "../../src/base/errors.ts";
import { isCifarTraining, openCifar } from "./cifar.ts";
import { entriesOf } from "./entries.ts";
import { openFolder } from "./folder.ts";
import type { Patience } from "./http_connection.ts";
import { joinSources } from "./joined.ts";
import { isImageName } from "./listed.ts";
import { baseName, pathsOf, urlsOf } from "./patterns.ts";
import { openShapes } from "./shapes.ts";
import { openTar } from "./tar.ts";
import { openTarHttp } from "./tar_http.ts";
import type { ImageSource } from "./types.ts";

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
      open: async (name, paths) => (await import("./parquet.ts")).openParquet(name, paths),
    },
    {
      kind: "zip archives",
      pattern: /\.zip$/i,
      open: async (name, paths) => (await import("./zip.ts")).openZip(name, paths),
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
