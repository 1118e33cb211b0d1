/** erf(z) = 2 / √π · exp(−z²) · Σ_n 2ⁿ · z²ⁿ⁺¹ / (1 · 3 · … · (2n + 1)), whose terms all have the sign of z. */
function erf(z: number): number {
  if (Math.abs(z) > 6) return Math.sign(z);
  let term = z, sum = z;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= 2 * z * z / (2 * n + 1);
    sum += term;
  }
  return 2 / Math.sqrt(Math.PI) * Math.exp(-z * z) * sum;
}

/** y = x ÷ 2 · (1 + erf(x ÷ √2)) */
export function gelu(x: ArrayLike<number>): Float64Array {
  return Float64Array.from(x, (value) => value / 2 * (1 + erf(value / Math.SQRT2)));
}
