/** y = max(x, 0). */
export function relu(x: ArrayLike<number>): Float64Array {
  return Float64Array.from(x, (value) => value > 0 ? value : 0);
}
