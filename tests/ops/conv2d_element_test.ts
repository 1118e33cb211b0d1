import { assertClose, assertEquals } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";
import { conv2d } from "../../src/reference/conv2d.ts";
import { elementOf } from "../../src/ops/conv2d_element.ts";

const N = 3, C = 4, K = 8;

for (
  const { H, W, R, S, stride, pad } of [
    { H: 5, W: 7, R: 3, S: 3, stride: 1, pad: 1 },
    { H: 7, W: 6, R: 3, S: 2, stride: 2, pad: 1 },
    { H: 5, W: 4, R: 1, S: 1, stride: 2, pad: 0 },
    { H: 8, W: 9, R: 5, S: 4, stride: 3, pad: 2 },
  ]
) {
  Deno.test(`elementOf() matches all elements of the three products, [${[H, W]}], [${[R, S]}], stride ${stride}`, () => {
    const P = Math.floor((H + 2 * pad - R) / stride) + 1, Q = Math.floor((W + 2 * pad - S) / stride) + 1;
    const geometry = { H, W, C, P, Q, K, R, S, stride, pad };
    const random = (name: string, n: number) => Float64Array.from(hashSigned(`element.${name}.${H}`, n));
    const values: Record<string, Float64Array> = {
      x: random("x", N * H * W * C),
      w: random("w", R * S * C * K),
      bias: random("bias", K),
      dy: random("dy", N * P * Q * K),
      dw: random("dw", R * S * C * K),
    };
    const read = (name: string, i: number) => values[name][i];
    const all = (kind: Parameters<typeof elementOf>[0], n: number, { bias = false, more = false } = {}) => {
      const element = elementOf(kind, geometry, { N, bias, more });
      return Float64Array.from({ length: n }, (_, i) => element(i, read));
    };
    const y = (x: ArrayLike<number>, w: ArrayLike<number>) =>
      conv2d({ x, w }, { N, H, W, C, K, R, S, stride, padding: pad });
    const expected = y(values.x, values.w);
    assertClose("y", all("forward", expected.length), expected, { absolute: 1e-12 });
    const biased = expected.map((value, i) => value + values.bias[i % K]);
    assertClose("y with bias", all("forward", expected.length, { bias: true }), biased, { absolute: 1e-12 });

    // y is linear in x and in w: the derivative of y · dy by an element is y · dy where that alone is 1.
    const along = (n: number, of: (unit: Float64Array) => Float64Array) =>
      Float64Array.from({ length: n }, (_, i) => {
        const unit = new Float64Array(n);
        unit[i] = 1;
        return of(unit).reduce((sum, value, j) => sum + value * values.dy[j], 0);
      });
    const dx = along(values.x.length, (unit) => y(unit, values.w));
    assertClose("dx", all("backwardData", dx.length), dx, { absolute: 1e-12 });
    const dw = along(values.w.length, (unit) => y(values.x, unit));
    assertClose("dw", all("backwardWeights", dw.length), dw, { absolute: 1e-12 });
    const more = dw.map((value, i) => value + values.dw[i]);
    assertClose("dw added", all("backwardWeights", dw.length, { more: true }), more, { absolute: 1e-12 });
    assertEquals(expected.length, N * P * Q * K);
  });
}
