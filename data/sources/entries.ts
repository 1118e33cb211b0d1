/**
 * The entries of a folder, and the error if it cannot be read.
 *
 * @module
 */
import { messageOf, UserError } from "../../src/base/errors.ts";
import { TAR_NAME } from "./file_names.ts";
import { isImageName } from "./listed.ts";

/** A file or folder in a folder; neither if it is a broken link, or something else, such as a device. */
export interface Entry {
  name: string;
  isDirectory: boolean;
  isFile: boolean;
  /** Whether it is a link that leads nowhere. */
  isBroken?: boolean;
}

/** The entries of `folder`, sorted by name; links are followed. Throws a UserError if the folder cannot be read. */
export async function entriesOf(folder: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  try {
    for await (const { isSymlink, ...entry } of Deno.readDir(folder)) {
      entries.push(isSymlink ? await followed(folder, entry.name) : entry);
    }
  } catch (error) {
    throw readError(folder, error);
  }
  return entries.sort((a, b) => a.name < b.name ? -1 : 1);
}

async function followed(folder: string, name: string): Promise<Entry> {
  try {
    const { isDirectory, isFile } = await Deno.stat(`${folder}/${name}`);
    return { name, isDirectory, isFile };
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    // A file by its name: reading it fails later, and bad images have a policy of their own.
    const isFile = isImageName(name) || TAR_NAME.test(name) || /\.(zip|parquet)$/i.test(name);
    return { name, isDirectory: false, isFile, isBroken: !isFile };
  }
}

/** The UserError for `error`, which the system threw when reading `path`. */
export function readError(path: string, error: unknown): UserError {
  return new UserError(
    `Cannot read "${path}": ${messageOf(error)}. Restore it, change its permissions, or remove it.`,
    { cause: error },
  );
}
