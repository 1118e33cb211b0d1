/** How to differentiate: the distance to either side, and the elements, all if not given. */
export interface DifferenceOptions {
  step?: number;
  elements?: Iterable<number>;
}

/**
 * The gradient of the scalar function `f` at `x` by central differences, one value for each of the `elements`. The
 * error is of order step² from the curvature and 1e-16·f ÷ step from rounding.
 */
export function centralDifferences(
  f: (x: Float64Array) => number,
  x: ArrayLike<number>,
  { step = 1e-5, elements = Array.from(x, (_, i) => i) }: DifferenceOptions = {},
): Float64Array {
  const moved = Float64Array.from(x);
  return Float64Array.from(elements, (i) => {
    moved[i] = x[i] + step;
    const above = f(moved);
    moved[i] = x[i] - step;
    const below = f(moved);
    moved[i] = x[i];
    return (above - below) / (2 * step);
  });
}
