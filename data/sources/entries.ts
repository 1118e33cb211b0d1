/**
 * The entries of a folder, and the error if it cannot be read.
 *
 * @module
 */
import { messageOf, UserError } from "../../src/base/errors.ts";
import { isImageName } from "./listed.ts";

/** A file or folder in a folder. */
export interface Entry {
  name: string;
  isDirectory: boolean;
  isFile: boolean;
}

/**
 * The visible entries of `folder`, sorted by name; links are followed. Throws a UserError if the folder cannot be read, or
 * if a link is broken, as it may have led to a folder of images.
 */
export async function entriesOf(folder: string): Promise<Entry[]> {
  const all = await Array.fromAsync(Deno.readDir(folder)).catch((error) => {
    throw readError(folder, error);
  });
  const entries: Entry[] = [];
  for (const { isSymlink, ...entry } of all) {
    if (entry.name.startsWith(".")) continue;
    entries.push(isSymlink ? await followed(folder, entry.name) : entry);
  }
  return entries.sort((a, b) => a.name < b.name ? -1 : 1);
}

async function followed(folder: string, name: string): Promise<Entry> {
  const path = `${folder}/${name}`;
  try {
    const { isDirectory, isFile } = await Deno.stat(path);
    return { name, isDirectory, isFile };
  } catch (error) {
    // A file by its name: reading it fails later, and bad images have a policy of their own.
    if (isImageName(name) || /\.tar$/i.test(name)) return { name, isDirectory: false, isFile: true };
    throw readError(path, error);
  }
}

/** The UserError for `error`, which the system threw when reading `path`. */
export function readError(path: string, error: unknown): UserError {
  return new UserError(
    `Cannot read "${path}": ${messageOf(error)}. Restore it, change its permissions, or remove it.`,
    { cause: error },
  );
}
