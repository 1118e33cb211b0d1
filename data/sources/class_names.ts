/**
 * Files of class names, one on a line.
 *
 * @module
 */
import { messageOf, UserError } from "../../src/base/errors.ts";

/** The class names in a text, one on a line. */
export function classLines(text: string): string[] {
  return text.split(/\r?\n/).map((line) => line.trim()).filter(Boolean);
}

/** The lines of the file at `path`; null if there is no such file, or if it has another number of lines than `count`. */
export async function classNames(path: string, count: number): Promise<string[] | null> {
  const text = await Deno.readTextFile(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return "";
    throw new UserError(
      `Cannot read the class names in "${path}": ${messageOf(error)}. Restore or remove the file.`,
    );
  });
  const names = classLines(text);
  return names.length === count ? names : null;
}
