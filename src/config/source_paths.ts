/**
 * Sources that are paths: of the others, folders do not matter.
 *
 * @module
 */
import { isAbsolute, relative, resolve } from "node:path";

/** Whether a source is an address, such as one of http. */
export const isAddress = (source: string): boolean => /^[a-z][a-z\d+.-]+:\/\//i.test(source);

/** Weights as they are found from any folder: an address, or a path resolved from `base`, by default the current folder. */
export function absoluteWeights(weights: string, base = "."): string {
  return isAddress(weights) ? weights : resolve(base, weights);
}

/** Whether a source is the built-in data set. */
const isBuiltIn = (source: string) => /^shapes(:|$)/i.test(source);

/** Whether a source is a file, a folder or a pattern of them. */
export const isPath = (source: string): boolean => !isAddress(source) && !isBuiltIn(source);

/** `source` as it is found from any folder; a path is resolved from `base`, by default the current folder. */
export function absoluteSource<T extends string | string[]>(source: T, base = "."): T {
  const resolved = (one: string) => isPath(one) ? resolve(base, one) : one;
  return (typeof source === "string" ? resolved(source) : source.map(resolved)) as T;
}

/** `source` as a short name in messages: a path within the current folder, counted from there. */
export function shortSource<T extends string | string[]>(source: T): T {
  const shortened = (one: string) => {
    if (!isPath(one)) return one;
    const path = relative(".", one);
    // A folder here may be called shapes.
    return path === "" || path.startsWith("..") || isAbsolute(path) || !isPath(path) ? one : path;
  };
  return (typeof source === "string" ? shortened(source) : source.map(shortened)) as T;
}
