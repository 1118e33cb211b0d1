/**
 * Long series as some points that look the same.
 *
 * @module
 */

/** A series: `y` over ascending `x`; null where there is no value. */
export interface Series {
  x: number[];
  y: (number | null)[];
}

/**
 * At most about `points` points of a series: of each of equal parts the smallest and the largest value, so that no peak is lost,
 * and the first and the last point. Points without a value are left out.
 */
export function decimated(
  { x, y }: { x: ArrayLike<number>; y: ArrayLike<number | null> },
  points = 1000,
): Series {
  const valued: number[] = [];
  for (let i = 0; i < x.length; i++) if (y[i] !== null && y[i] !== undefined) valued.push(i);
  const parts = Math.max(1, Math.floor(points / 2)), kept = new Set<number>();
  if (valued.length <= points) valued.forEach((i) => kept.add(i));
  else {
    kept.add(valued[0]);
    for (let part = 0; part < parts; part++) {
      const from = Math.floor(part * valued.length / parts),
        end = Math.floor((part + 1) * valued.length / parts);
      let low = valued[from], high = valued[from];
      for (let at = from; at < end; at++) {
        if (y[valued[at]]! < y[low]!) low = valued[at];
        if (y[valued[at]]! > y[high]!) high = valued[at];
      }
      kept.add(low).add(high);
    }
    kept.add(valued.at(-1)!);
  }
  const order = [...kept].sort((a, b) => a - b);
  return { x: order.map((i) => x[i]), y: order.map((i) => y[i]) };
}
