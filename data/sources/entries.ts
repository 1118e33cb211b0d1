/**
 * What lies in a folder, and what it means for the user if the system does not tell.
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
 * The visible entries of `folder`, by name, links followed. Throws a UserError if it cannot be read, or if a link leads
 * nowhere, as that may have been a folder of images.
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
    // By its name a file: whoever reads it will say what is wrong, and images have a policy for it.
    if (isImageName(name) || /\.tar$/i.test(name)) return { name, isDirectory: false, isFile: true };
    throw readError(path, error);
  }
}

/** The UserError to throw in place of `error`, which the system gave at reading `path`. */
export function readError(path: string, error: unknown): UserError {
  const found = messageOf(error);
  return new UserError(
    `Cannot read ${path} as it must exist and you must be allowed to: ${found}. Restore it, change its permissions, ` +
      `or remove it.`,
    { cause: error },
  );
}
