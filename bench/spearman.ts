/** Spearman's rank correlation. */

/** Fewest pairs that say anything. */
const FEWEST = 5;

/** The rank correlation of pairs, −1 … 1; those with a null do not count. Null for too few, or if one side is constant. */
export function spearman(pairs: readonly (readonly [number | null, number | null])[]): number | null {
  const known = pairs.filter((pair): pair is readonly [number, number] => !pair.includes(null));
  if (known.length < FEWEST) return null;
  const [x, y] = [0, 1].map((side) => centeredRanks(known.map((pair) => pair[side])));
  const dot = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, value, i) => sum + value * b[i], 0);
  const size = Math.sqrt(dot(x, x) * dot(y, y));
  return size > 0 ? dot(x, y) / size : null;
}

/** The rank of each value, less the mean of all; equal values share theirs. */
function centeredRanks(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const above = values.filter((other) => other > value).length;
    return (below - above) / 2;
  });
}
