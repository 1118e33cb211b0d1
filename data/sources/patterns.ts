/**
 * Patterns that name several files: braces as in `train-{00000..00009}.tar` and `{a,b}.tar`, globs as in `*.tar`.
 *
 * @module
 */
import { glob } from "node:fs/promises";
import { matchesGlob } from "node:path";
import { messageOf, UserError } from "../../src/base/errors.ts";

/** A pattern for more files is a typo. */
const MAX_FILES = 100_000;

/** The URLs that `spec` expands to, in order. Throws a UserError if one is not a URL or has a glob. */
export async function urlsOf(spec: string): Promise<string[]> {
  const urls = await expanded(spec);
  const wrong = urls.find((url) => !URL.canParse(url) || /[*[\]]/.test(new URL(url).pathname));
  if (wrong === undefined) return urls;
  throw new UserError(
    `Cannot open the data source "${withoutSecrets(spec)}": "${
      withoutSecrets(wrong)
    }" is not an address, and servers do not list their files for a ` +
      `pattern. List them in braces, as in train-{000..146}.tar.`,
  );
}

/** The files that the pattern `spec` expands to: braces in their order, globs by name. Empty if it is not a pattern. */
export async function pathsOf(spec: string): Promise<string[]> {
  if (!isPattern(spec)) return [];
  const paths = new Set<string>();
  for (const path of await expanded(spec)) {
    const found = /[*?[]/.test(path) ? (await Array.fromAsync(glob(path))).sort() : [path];
    for (const each of found) paths.add(each);
  }
  if (paths.size > 0) return [...paths];
  throw new UserError(
    `Cannot open the data source "${spec}": no file matches the pattern. Check the path.`,
  );
}

/** `source` without what may be secret in an address: passwords, and the query, which may hold a signature. */
export function withoutSecrets(source: string): string {
  return source.replace(/^(https?:\/\/)(?:[^/?#]*@)?([^?#]*).*$/is, "$1$2");
}

/** Whether `spec` names several files. */
export const isPattern = (spec: string): boolean => /[{*?[]/.test(spec);

/** The folder before the first wildcard or brace of a pattern, with a slash at the end; "" if there is none. */
export function folderBefore(pattern: string): string {
  const begin = pattern.slice(0, pattern.search(/[{*?[]/));
  return begin.slice(0, begin.lastIndexOf("/") + 1);
}

/** Tells which paths a pattern of braces and globs names: those that match it, and one that is written like it. */
export async function matcherOf(pattern: string): Promise<(path: string) => boolean> {
  const names = await expanded(pattern), exact = new Set([pattern, ...names]);
  const globs = names.filter((name) => /[*?[]/.test(name));
  return (path) => exact.has(path) || globs.some((each) => matchesGlob(path, each));
}

async function expanded(spec: string): Promise<string[]> {
  if (!spec.includes("{")) return [spec];
  const { default: braces } = await import("npm:braces@3.0.3");
  try {
    return braces(spec, { expand: true, rangeLimit: MAX_FILES }) as string[];
  } catch (error) {
    throw new UserError(
      `Cannot open the data source "${withoutSecrets(spec)}": ${
        messageOf(error)
      }. Write the pattern as train-{00000..00009}.tar.`,
      { cause: error },
    );
  }
}

/** The last part of a path. */
export function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}
