/** All (m, n) with cosines[m, n] ≥ `threshold` and rows[m] ≠ columns[n], in order, as [m, n, cosine]. */
export function pairsAbove(
  cosines: ArrayLike<number>,
  { rows, columns, threshold }: { rows: ArrayLike<number>; columns: ArrayLike<number>; threshold: number },
): [m: number, n: number, cosine: number][] {
  const found: [number, number, number][] = [], N = columns.length;
  for (let m = 0; m < rows.length; m++) {
    for (let n = 0; n < N; n++) {
      const cosine = cosines[m * N + n];
      if (cosine >= threshold && rows[m] !== columns[n]) found.push([m, n, cosine]);
    }
  }
  return found;
}
