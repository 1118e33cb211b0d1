/** The number of places at which a window of `window` elements fits into `size` elements padded at both ends. */
export function outputSize(
  size: number,
  { window, stride, padding }: { window: number; stride: number; padding: number },
): number {
  return Math.floor((size + 2 * padding - window) / stride) + 1;
}
