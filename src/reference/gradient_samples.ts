import { differenceOf, type Tolerance } from "./compare.ts";
import { centralDifferences } from "./finite_difference.ts";
import { hashSigned } from "./hash.ts";

/** Small enough not to cross the kinks of ReLUs and maxima, large enough for float64. */
const STEP = 1e-6;
const ELEMENTS = 8;

/** Compares a gradient with samples of the true one; null if it agrees. */
export type GradientCheck = (
  name: string,
  actual: ArrayLike<number>,
  tolerance: Tolerance,
) => string | null;

/**
 * Differentiates `f` at the first, the last and a few random elements, and in a random direction of ±1, which covers every
 * element. Returns a function that compares a gradient with these.
 */
export function sampleGradient(
  tag: string,
  { f, at }: { f: (x: Float64Array) => number; at: ArrayLike<number> },
): GradientCheck {
  const n = at.length;
  const drawn = Array.from(hashSigned(`${tag}.elements`, ELEMENTS), (u) => Math.floor((u + 1) / 2 * n));
  const elements = [...new Set([0, n - 1, ...drawn])];
  const derivatives = centralDifferences(f, at, { step: STEP, elements });
  const direction = hashSigned(`${tag}.direction`, n).map((u) => u < 0 ? -1 : 1);
  const along = ([t]: Float64Array) => f(Float64Array.from(at, (value, i) => value + t * direction[i]));
  const slope = centralDifferences(along, [0], { step: STEP });
  return (name, actual, { absolute = 0, relative = 0 }) => {
    if (actual.length !== n) return `${name} has ${actual.length} elements, expected ${n}`;
    const found = { actual: elements.map((i) => actual[i]), expected: derivatives };
    // Errors of n elements add up like √n; those of roundings like the norm, to 0.4 of it: twice is five deviations.
    return differenceOf(`${name} at elements ${elements}`, found, { absolute, relative }) ??
      differenceOf(`${name} along ±1`, { actual: [dot(actual, direction)], expected: slope }, {
        absolute: absolute * Math.sqrt(n) + 2 * relative * Math.sqrt(dot(actual, actual)),
      });
  };
}

/** The sum of products of two vectors. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) {
    throw new TypeError(`Cannot multiply vectors: they have ${a.length} and ${b.length} elements.`);
  }
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
