/** y = residual + scale · x, for x and residual [rows, C], scale [C]. */
export function layerScale(
  { x, scale, residual }: Record<"x" | "scale" | "residual", ArrayLike<number>>,
  { C }: { C: number },
): Float64Array {
  return Float64Array.from(x, (value, i) => residual[i] + scale[i % C] * value);
}
