/** Undoes PNG's filters (PNG specification, 9), in place: `line` is a filter type and its bytes, `above` the line before. */
export function unfilter(line: Uint8Array, { above, step }: { above: Uint8Array; step: number }): void {
  const length = line.length, first = Math.min(length, step + 1);
  switch (line[0]) {
    case 0:
      return;
    case 1:
      for (let i = first; i < length; i++) line[i] += line[i - step];
      return;
    case 2:
      for (let i = 1; i < length; i++) line[i] += above[i];
      return;
    case 3:
      for (let i = 1; i < first; i++) line[i] += above[i] >> 1;
      for (let i = first; i < length; i++) line[i] += line[i - step] + above[i] >> 1;
      return;
    case 4:
      for (let i = 1; i < first; i++) line[i] += above[i];
      for (let i = first; i < length; i++) line[i] += paeth(line[i - step], above[i], above[i - step]);
      return;
    default:
      throw new Error(`it is a damaged PNG: there is no filter ${line[0]}`);
  }
}

/** Of left, above and upper left the one nearest to left + above − upper left. */
function paeth(left: number, up: number, corner: number): number {
  const toLeft = Math.abs(up - corner), toUp = Math.abs(left - corner);
  const toCorner = Math.abs(left + up - 2 * corner);
  return toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
}
