/**
 * Several files by one name: braces as in `train-{00000..00009}.tar` and `{a,b}.tar`, globs as in `*.tar`.
 *
 * @module
 */
import { glob } from "node:fs/promises";
import { messageOf, UserError } from "../../src/base/errors.ts";

/** More files than this are a slip of the keyboard. */
const MOST = 100_000;

/** The URLs that `spec` stands for, in its order. Throws a UserError if one is none, or for a glob. */
export async function urlsOf(spec: string): Promise<string[]> {
  const urls = await expanded(spec);
  const wrong = urls.find((url) => !URL.canParse(url) || /[*[\]]/.test(new URL(url).pathname));
  if (wrong === undefined) return urls;
  throw new UserError(
    `Cannot open the data source ${spec}: expected addresses, as numbers or names in braces: servers do not list what ` +
      `they have, so ${wrong} stands for nothing. Write it as train-{000..146}.tar.`,
  );
}

/** The files that the pattern `spec` stands for: braces in its order, globs by name. None if it is no pattern. */
export async function pathsOf(spec: string): Promise<string[]> {
  if (!/[{*?[]/.test(spec)) return [];
  const paths = new Set<string>();
  for (const path of await expanded(spec)) {
    const found = /[*?[]/.test(path) ? (await Array.fromAsync(glob(path))).sort() : [path];
    for (const each of found) paths.add(each);
  }
  if (paths.size > 0) return [...paths];
  throw new UserError(
    `Cannot open the data source ${spec}: expected files whose names match: found none. Check --data.`,
  );
}

async function expanded(spec: string): Promise<string[]> {
  if (!spec.includes("{")) return [spec];
  const { default: braces } = await import("npm:braces@3.0.3");
  try {
    return braces(spec, { expand: true, rangeLimit: MOST }) as string[];
  } catch (error) {
    throw new UserError(
      `Cannot open the data source ${spec}: expected a pattern such as train-{00000..00009}.tar: ` +
        `${messageOf(error)}. Check --data.`,
      { cause: error },
    );
  }
}

/** The last part of a path. */
export function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}
