/**
 * Patterns that name several files: braces as in `train-{00000..00009}.tar` and `{a,b}.tar`, globs as in `*.tar`.
 *
 * @module
 */
import { messageOf, UserError } from "../../src/base/errors.ts";

/** A pattern for more files is a typo. */
const MAX_FILES = 100_000;

const WILDCARD = /[*?[]/;

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
    const found = WILDCARD.test(path) ? (await filesMatching(path)).sort() : [path];
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
  const matcher = await globs(), matchers = names.filter((name) => WILDCARD.test(name)).map(matcher);
  return (path) => exact.has(path) || matchers.some((matches) => matches(path));
}

/** The paths on disk that `pattern` matches: `*` and `?` within a name, double asterisks for folders at any depth. */
async function filesMatching(pattern: string): Promise<string[]> {
  const matcher = await globs(), found = new Set<string>();
  /** Adds what `parts` matches in `folder`, which ends with a slash or is empty. */
  async function walk(folder: string, parts: string[]): Promise<void> {
    const [part, ...rest] = parts, isDeep = part === "**", matches = matcher(part);
    if (isDeep) await walk(folder, rest.length > 0 ? rest : ["*"]);
    for (const { name, isDirectory, isSymlink } of await entriesOf(folder || ".")) {
      if (!matches(name)) continue;
      if (isDeep) {
        // Links could lead in circles.
        if (isDirectory) await walk(`${folder}${name}/`, parts);
      } else if (rest.length === 0) found.add(folder + name);
      else if (isDirectory || isSymlink) await walk(`${folder}${name}/`, rest);
    }
  }
  const root = folderBefore(pattern);
  await walk(root, pattern.slice(root.length).split("/").filter((part) => part !== ""));
  return [...found];
}

/** Makes matchers of globs. Deno's own reads a variable of the environment, for which a command has no permission. */
async function globs(): Promise<(glob: string) => (path: string) => boolean> {
  const { default: picomatch } = await import("npm:picomatch@4.0.7");
  const literal = (glob: string) => glob.replace(/[()|]/g, "\\$&").replaceAll("[!", "[^");
  return (glob) => picomatch(literal(glob), { nonegate: true });
}

/** What is in `folder`; nothing if it is none. */
async function entriesOf(folder: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return [];
    throw error;
  }
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
