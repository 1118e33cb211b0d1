/** The cosine of the angle between row `i` of a [·, D] and row `j` of b [·, D]. */
export function cosine(
  [a, i]: [ArrayLike<number>, number],
  [b, j]: [ArrayLike<number>, number],
  D: number,
): number {
  let dot = 0, aa = 0, bb = 0;
  for (let d = 0; d < D; d++) {
    const u = a[i * D + d], v = b[j * D + d];
    dot += u * v;
    aa += u * u;
    bb += v * v;
  }
  return dot / Math.sqrt(aa * bb);
}
