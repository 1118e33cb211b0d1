/** Assertions that say what differs, where and by how much. */
import { differenceOf, type Tolerance } from "../src/reference/compare.ts";

export { relativeError, type Tolerance } from "../src/reference/compare.ts";

/** Throws an error with `message` unless `condition` holds. */
export function assert(condition: unknown, message = "assertion failed"): asserts condition {
  if (!condition) throw new Error(message);
}

/** Throws unless both values have the same JSON text. */
export function assertEquals(actual: unknown, expected: unknown, message = "values differ"): void {
  const a = JSON.stringify(actual), e = JSON.stringify(expected);
  if (a !== e) throw new Error(`${message}:\n  actual   ${a}\n  expected ${e}`);
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
