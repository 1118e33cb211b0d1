/**
 * Where images come from.
 *
 * @module
 */
import { UserError } from "../src/errors.ts";
import { openFolder } from "./sources/folder.ts";
import { openShapes } from "./sources/shapes.ts";
import { openTar } from "./sources/tar.ts";

/** An image as it is stored. */
export interface EncodedImage {
  /** Its place in source order. */
  index: number;
  /** What it is called: a path, or an entry of a shard. */
  key: string;
  /** The file's bytes, not to be changed. */
  bytes: Uint8Array;
  /** Index into the source's classes; null if unlabelled. */
  label: number | null;
}

/** A list of encoded images, read one by one, in any order and several at a time. */
export interface ImageSource extends AsyncIterable<EncodedImage> {
  /** What the user calls it. */
  readonly name: string;
  /** How many images it has. */
  readonly length: number;
  /** The names of the classes; empty if no image has a label. */
  readonly classes: string[];
  /** Equal for two sources if they have the same images in the same order: what a resumed run compares. */
  readonly fingerprint: string;
  /** The image at `index`, 0 … length − 1. */
  read(index: number): Promise<EncodedImage>;
  /** Releases what the source holds. */
  close(): void;
}

/**
 * Opens the source that `spec` names:
 *
 * - `shapes` or `shapes:N`: the built-in set of drawn figures, N images;
 * - a folder of images, or of WebDataset shards (*.tar);
 * - a WebDataset shard.
 *
 * Throws a UserError if there is nothing there, or nothing that can be used.
 */
export async function openSource(spec: string): Promise<ImageSource> {
  const shapes = /^shapes(?::(.*))?$/.exec(spec);
  if (shapes) return openShapes(shapes[1]);
  const info = await Deno.stat(spec).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw unreadable(spec, error.message);
    throw unreadable(
      spec,
      /^[a-z][a-z0-9+.-]+:/i.test(spec) ? "no source of this kind is known" : "no such file or folder",
    );
  });
  if (info.isFile && /\.tar$/i.test(spec)) return openTar(spec, [spec]);
  if (!info.isDirectory) throw unreadable(spec, "it is a file, but not a tar archive");
  const shards: string[] = [];
  for await (const entry of Deno.readDir(spec)) {
    if (!entry.isDirectory && /^[^.].*\.tar$/i.test(entry.name)) shards.push(`${spec}/${entry.name}`);
  }
  return shards.length ? openTar(spec, shards.sort()) : openFolder(spec);
}

function unreadable(spec: string, found: string): UserError {
  return new UserError(
    `Cannot open the data source ${spec}: expected "shapes", "shapes:N", a folder of images, a .tar shard or a ` +
      `folder of .tar shards: ${found}. Check --data.`,
  );
}
