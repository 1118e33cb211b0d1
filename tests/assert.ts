/** Assertions whose errors say what differs, where and by how much. */
import { deepStrictEqual } from "node:assert/strict";
import { differenceOf, type Tolerance } from "../src/reference/compare.ts";

export { relativeError, type Tolerance } from "../src/reference/compare.ts";

/** Throws an error with `message` unless `condition` holds. */
export function assert(condition: unknown, message = "assertion failed"): asserts condition {
  if (!condition) throw new Error(message);
}

/**
 * Throws unless the values are deeply and strictly equal: NaN equals NaN, 0 differs from −0, a missing field from one that is
 * undefined, a typed array from an array. The error shows the difference line by line.
 */
export function assertEquals(actual: unknown, expected: unknown, message = "values differ"): void {
  try {
    deepStrictEqual(actual, expected);
  } catch (error) {
    throw new Error(`${message}: ${(error as Error).message}`);
  }
}

/** Throws unless `fn` throws (or rejects with) an error of class `type` whose message matches `pattern`. */
export async function assertThrows(
  fn: () => unknown,
  // deno-lint-ignore no-explicit-any
  type: new (...args: any[]) => Error,
  pattern: RegExp,
): Promise<void> {
  try {
    await fn();
  } catch (error) {
    if (!(error instanceof type)) throw error;
    if (!pattern.test(error.message)) throw new Error(`message does not match ${pattern}: ${error.message}`);
    return;
  }
  throw new Error(`nothing was thrown, ${type.name} was expected`);
}

/** Throws unless `actual` and `expected` agree element by element; names the worst element. */
export function assertClose(
  name: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
): void {
  assertNone(differenceOf(name, { actual, expected }, tolerance));
}

/** Throws an error with `difference` as its message, if there is one. */
export function assertNone(difference: string | null): void {
  if (difference !== null) throw new Error(difference);
}
