/**
 * How two arrays differ, in words.
 *
 * @module
 */

/** How much two arrays may differ: |actual − expected| ≤ absolute + relative · |expected|. */
export interface Tolerance {
  absolute?: number;
  relative?: number;
}

/** Compares two arrays element by element; describes the worst element if they differ too much, else returns null. */
export function differenceOf(
  name: string,
  { actual, expected }: Record<"actual" | "expected", ArrayLike<number>>,
  { absolute = 0, relative = 0 }: Tolerance,
): string | null {
  if (actual.length !== expected.length) {
    return `${name} has ${actual.length} elements, expected ${expected.length}`;
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
  return worst < 0 ? null : `${name}[${worst}] is ${actual[worst]}, expected ${expected[worst]}: ` +
    `${count} of ${actual.length} elements beyond ${absolute} + ${relative}·|expected|, largest error ${largest}`;
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

/**
 * The absolute error of float32 on a sum of `n` products of values in [−1, 1): the partial sums grow like
 * √n / 3, each rounded to 2⁻²⁴ of itself, together .14 · 2⁻²⁴ · n; the largest error of many is five times that.
 */
export function sumError(n: number): number {
  return n * 2 ** -23;
}

/**
 * What storing a result in float16 adds to `tolerance`: half a unit in the last place of its 11 bits, or of the smallest
 * number; `roundings` of them if sums are rounded in between.
 */
export function withHalfRounding({ absolute = 0, relative = 0 }: Tolerance, roundings = 1): Tolerance {
  // What is rounded is the result with its float32 error.
  return {
    absolute: absolute * (1 + roundings * 2 ** -11) + roundings * 2 ** -25,
    relative: relative + roundings * 2 ** -11,
  };
}
