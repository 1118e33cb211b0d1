/** Assertions that say what differs, where and by how much. */

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

/** How far two arrays may be apart: |actual − expected| ≤ absolute + relative · |expected|. */
export interface Tolerance {
  absolute?: number;
  relative?: number;
}

/** Throws unless `actual` and `expected` agree element by element; names the worst element. */
export function assertClose(
  name: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { absolute = 0, relative = 0 }: Tolerance,
): void {
  if (actual.length !== expected.length) {
    throw new Error(`${name} has ${actual.length} elements, expected ${expected.length}`);
  }
  let worst = -1, worstExcess = 0, largest = 0, count = 0;
  for (let i = 0; i < actual.length; i++) {
    const error = Math.abs(actual[i] - expected[i]);
    const excess = error - (absolute + relative * Math.abs(expected[i]));
    if (error > largest) largest = error;
    if (!(excess <= 0)) {
      count++;
      if (worst < 0 || !(excess <= worstExcess)) [worst, worstExcess] = [i, excess];
    }
  }
  if (worst >= 0) {
    throw new Error(
      `${name}[${worst}] is ${actual[worst]}, expected ${
        expected[worst]
      }: ${count} of ${actual.length} elements ` +
        `beyond ${absolute} + ${relative}·|expected|, largest error ${largest}`,
    );
  }
}

/** ‖actual − expected‖ ÷ ‖expected‖. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0, norm = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i] - expected[i]) ** 2;
    norm += expected[i] ** 2;
  }
  return Math.sqrt(difference / norm);
}
