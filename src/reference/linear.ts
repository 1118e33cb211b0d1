/** y = x·w + b, for x [N, inputs], w [inputs, outputs] and, if given, b [outputs]. */
export function linear(
  { x, w, b }: { x: ArrayLike<number>; w: ArrayLike<number>; b?: ArrayLike<number> },
  { N, inputs, outputs }: { N: number; inputs: number; outputs: number },
): Float64Array {
  const y = new Float64Array(N * outputs);
  for (let n = 0; n < N; n++) {
    for (let o = 0; o < outputs; o++) {
      y[n * outputs + o] = b ? b[o] : 0;
      for (let i = 0; i < inputs; i++) y[n * outputs + o] += x[n * inputs + i] * w[i * outputs + o];
    }
  }
  return y;
}
