/** `value` limited to [0, 1], the range of colors. */
export function clamp(value: number): number {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}
