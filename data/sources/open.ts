/**
 * The registry of image sources: opens a source by its name.
 *
 * @module
 */
import { messageOf, UserError } from "../../src/base/errors.ts";
import { openCifar } from "./cifar.ts";
import { checkCifarVersion } from "./cifar_version.ts";
import { filesOfFolder } from "./directory.ts";
import { entriesOf } from "./entries.ts";
import { LIST_NAME, TAR_NAME } from "./file_names.ts";
import { openFolder } from "./folder.ts";
import { openIdx } from "./idx.ts";
import { joinSources } from "./joined.ts";
import { filesBelow } from "./nested.ts";
import { textKind } from "../formats/text_kind.ts";
import { baseName, pathsOf } from "./patterns.ts";
import { localFile } from "./random_access.ts";
import { openShapes } from "./shapes.ts";
import { belowShared, filesOfSplit, fromNamed, splitInPath } from "./split_files.ts";
import type { OpenContext, OpenOptions } from "./open_options.ts";
import { Survey } from "./survey.ts";
import { chooseSplit } from "./split_names.ts";
import { openStl10 } from "./stl10.ts";
import { openTar } from "./tar.ts";
import type { ImageSource } from "./types.ts";

/**
 * Opens the source that `spec` names; several names are opened as one source:
 *
 * - `shapes` or `shapes:N`: the built-in data set of N drawn shapes;
 * - a folder of images, of WebDataset shards, of Parquet files, or of the files of CIFAR, STL-10 or MNIST;
 * - a file: a WebDataset shard (.tar, also compressed), a Parquet file, a .zip, a binary file of CIFAR or STL-10 (.bin), images
 *   in IDX (MNIST), a list of images (.csv, .tsv, .txt);
 * - files by a pattern: `train-{00000..00009}.tar`, `{a,b}.tar`, `*.parquet`;
 * - such files and images by URL, also with braces: `https://host/train-{000..146}.tar`;
 * - objects in a bucket: `s3://bucket/prefix`;
 * - a data set of a Hugging Face hub: `hf://datasets/OWNER/NAME`, also with `@REVISION` and `/PATH`.
 *
 * @throws {UserError} if nothing is found, or nothing that can be used.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 *
 * const source = await openSource("shapes:20");
 * deepStrictEqual([source.length, source.classes.length], [20, 10]);
 * for await (const { key, bytes } of source) console.log(key, bytes.length);
 * source.close();
 * ```
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
  const survey = new Survey();
  return { ...await openNamed(spec, { ...options, survey }), survey };
}

async function openNamed(spec: string, context: OpenContext): Promise<ImageSource> {
  const shapes = /^shapes(?::(.*))?$/.exec(spec);
  if (shapes) {
    chooseSplit([spec], { name: spec, splitOf: () => null, wanted: context.split, survey: context.survey });
    return await openShapes(shapes[1]);
  }
  // Loaded only when needed, with the packages that they import.
  if (/^https?:/i.test(spec)) return await (await import("./remote.ts")).openUrls(spec, context);
  if (/^hf:/i.test(spec)) return await (await import("./hub.ts")).openHub(spec, context);
  if (/^s3:/i.test(spec)) return await (await import("./s3.ts")).openS3(spec, context);
  const info = await statOf(spec);
  if (info?.isDirectory) return await openDirectory(spec, context);
  const paths = info ? [spec] : await pathsOf(spec);
  if (paths.length > 0) return await openFiles(spec, paths, context);
  const isUrl = /^[a-z][a-z0-9+.-]+:/i.test(spec);
  throw unreadable(spec, isUrl ? "this kind of address is not supported" : "there is no such file or folder");
}

/** The file or folder at `path`; null if there is none. */
async function statOf(path: string): Promise<Deno.FileInfo | null> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw unreadable(path, messageOf(error));
  }
}

/** The kinds of files that contain images, by name, and how to open several as one source. */
const kinds: {
  kind: string;
  pattern: RegExp;
  /** The names of those that make a folder a source, if not all do. */
  inFolders?: RegExp;
  /** Whether a split is chosen by the names of the files: always, or if they tell any. Otherwise `open` sees to it. */
  splits?: "always" | "if told";
  open(name: string, paths: string[], context: OpenContext): Promise<ImageSource>;
}[] = [
  { kind: "tar archives", pattern: TAR_NAME, splits: "if told", open: openTar },
  { kind: "STL-10 files", pattern: /(^|[/\\])(train|test|unlabeled)_X\.bin$/, open: openStl10 },
  {
    kind: "CIFAR files",
    pattern: /\.bin$/i,
    inFolders: /^(data_batch_\d+|test_batch|train|test)\.bin$/,
    open: openCifar,
  },
  { kind: "IDX files", pattern: /images[-.]idx3-ubyte(\.gz)?$/i, open: openIdx },
  // Loaded only when needed, with the packages that they import.
  {
    kind: "Parquet files",
    pattern: /\.parquet$/i,
    splits: "always",
    open: async (name, paths, context) =>
      (await import("./parquet.ts")).openParquet(name, await Promise.all(paths.map(localFile)), context),
  },
  {
    kind: "zip archives",
    pattern: /\.zip$/i,
    open: async (name, paths, context) => (await import("./zip.ts")).openZip(name, paths, context),
  },
  {
    kind: "lists",
    pattern: LIST_NAME,
    inFolders: /(?!)/, // a folder's notes are no list of images
    open: async (name, paths, context) => (await import("./list.ts")).openLists(name, paths, context),
  },
];

const kindOf = (name: string) => kinds.find(({ pattern }) => pattern.test(name));

async function openFiles(name: string, paths: string[], context: OpenContext): Promise<ImageSource> {
  const kind = kindOf(paths[0]);
  if (!kind) {
    const folder = paths[0].slice(0, -baseName(paths[0]).length) || ".";
    checkCifarVersion(folder, await entriesOf(folder));
    const isPart = /\.(z\d\d|(zip|tar|tgz|gz)\.\d+)$/i.test(paths[0]);
    const fact = isPart ? "is a part of an archive: join the parts" : "is of a kind that is not supported";
    throw unreadable(name, `"${baseName(paths[0])}" ${fact}`);
  }
  const other = paths.find((path) => kindOf(path) !== kind);
  if (other !== undefined) {
    throw new UserError(
      `Cannot open the data source "${name}": it has files of different kinds: "${
        baseName(paths[0])
      }" is one of the ` +
        `${kind.kind}, "${baseName(other)}" is not. Give "${paths[0]}" and "${other}" as two sources.`,
    );
  }
  try {
    return await openKind(kind, { name, paths, context });
  } catch (error) {
    const isAbout = (path: string) => error instanceof UserError && error.message.includes(path);
    for (const path of paths.filter(isAbout)) await checkContent(path);
    throw error;
  }
}

async function openKind(
  kind: typeof kinds[number],
  { name, paths, context }: { name: string; paths: string[]; context: OpenContext },
): Promise<ImageSource> {
  if (!kind.splits) return await kind.open(name, paths, context);
  const short = belowShared(paths);
  // Splits may be folders in the archives.
  if (kind.splits === "if told" && short.every((path) => splitInPath(path) === null)) {
    return await kind.open(name, paths, context);
  }
  // If a split is asked for, a folder that all files share may tell it.
  const isToldByShared = context.split !== undefined && short.every((path) => splitInPath(path) === null);
  const files = paths.map((path, i) => ({ path, short: isToldByShared ? fromNamed(name, path) : short[i] }));
  const chosen = filesOfSplit(name, files, { ...context, pathOf: ({ short }) => short });
  return await kind.open(name, chosen.map(({ path }) => path), { ...context, split: undefined });
}

/** So many bytes tell which text a file is. */
const TEXT_BYTES = 1024;

/** Throws a UserError if the file at `path` is empty, a web page or a pointer: it was never downloaded. */
async function checkContent(path: string): Promise<void> {
  if (LIST_NAME.test(path)) return;
  const file = await localFile(path), head = await file.read(0, Math.min(file.size, TEXT_BYTES));
  const what = head.length === 0 ? "empty" : textKind(head);
  // Of any other text, the error of its supposed kind tells as much.
  if (what !== null && !/^(blank )?text, no image/.test(what)) {
    throw new UserError(`Cannot read "${path}": it is ${what}. Replace it by the real file.`);
  }
}

async function openDirectory(path: string, context: OpenContext): Promise<ImageSource> {
  const kindInFolder = (name: string) =>
    kinds.find(({ pattern, inFolders }) => (inFolders ?? pattern).test(name))?.kind ?? null;
  const files = await filesOfFolder(path, { kindOf: kindInFolder, survey: context.survey });
  if (files) return await openFiles(path, files, context);
  const below = await filesBelow(path, { isSource: (name) => kindInFolder(name) !== null });
  return below.length > 0 ? await openFiles(path, below, context) : await openFolder(path, context);
}

function unreadable(spec: string, fact: string): UserError {
  return new UserError(
    `Cannot open the data source "${spec}": ${fact}. Give "shapes", "shapes:N", a folder of images, WebDataset (.tar, ` +
      `.tar.gz), Parquet, .zip, CIFAR, STL-10 or IDX files, a folder or a pattern of them, a list (.csv, .txt), or ` +
      `addresses: https://, s3:// or hf://datasets/.`,
  );
}
