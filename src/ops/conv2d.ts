/**
 * Two-dimensional convolution, NHWC. A linear layer is the case of 1 × 1 pixels and taps.
 *
 * @module
 */
import type { Constants } from "../gpu/kernel.ts";
import type { Tape } from "../graph/tape.ts";
import type { Way } from "../graph/target.ts";
import { expectShape, sizeOf, type Tensor } from "../graph/tensor.ts";
import type { Product } from "./conv2d_kernels.ts";
import { candidates, type Matrices, workgroups } from "./conv2d_ways.ts";
import { sumParts } from "./sum_parts.ts";

/** At most this many floats of partial sums of a product; bounds what the parts cost in memory. */
const PARTIAL_FLOATS = 2 ** 22;
/** The tensor that each product makes. */
const RESULT = { forward: "y", backwardData: "dx", backwardWeights: "dw" } as const;

/**
 * y[n,p,q,k] = Σ_r,s,c x[n, p·stride + r − pad, q·stride + s − pad, c] · w[r,s,c,k] (+ bias[k])
 *
 * @param x [N, H, W, C] with C a multiple of 4.
 * @param options `w`: [R, S, C, K] with K a multiple of 4, its gradient goes to `w.gradient`; `bias`: [K] or none,
 * likewise; `stride` and `pad` in pixels.
 * @returns y [N, P, Q, K] with P = ⌊(H + 2·pad − R) / stride⌋ + 1 and Q alike.
 */
export function conv2d(
  tape: Tape,
  { x, w, bias, stride, pad, name }: {
    x: Tensor;
    w: Tensor;
    bias?: Tensor;
    stride: number;
    pad: number;
    name: string;
  },
): Tensor {
  const [N, H, W, C] = x.shape;
  const [R, S, inChannels, K] = w.shape;
  expectShape("conv2d", x, {
    condition: x.shape.length === 4 && C === inChannels && C % 4 === 0,
    expected: `be [N, H, W, C] with ${inChannels} channels, a multiple of 4`,
  });
  expectShape("conv2d", w, {
    condition: w.shape.length === 4 && K % 4 === 0,
    expected: "have a multiple of 4 filters",
  });
  const P = Math.floor((H + 2 * pad - R) / stride) + 1;
  const Q = Math.floor((W + 2 * pad - S) / stride) + 1;
  expectShape("conv2d", x, {
    condition: P > 0 && Q > 0,
    expected: `be at least ${R} × ${S} pixels with padding ${pad}`,
  });

  const y = tape.tensor(`${name}.y`, [N, P, Q, K]);
  const geometry = { H, W, C, P, Q, K, R, S, stride, pad };

  /** Appends one of the products, for all images or as many at a time as a kernel can bind, in the best way. */
  const product = (
    kind: Product,
    { images, others, constants, extent }: {
      images: Record<string, Tensor>;
      others: Record<string, Tensor>;
      constants?: Constants;
      extent: (N: number) => Omit<Matrices, "kind" | "maxParts">;
    },
  ) => {
    for (const { tensors: slices, first } of tape.pieces(images)) {
      const [N] = Object.values(slices)[0].shape;
      const tensors = { ...slices, ...others };
      const result = RESULT[kind];
      const floats = Math.min(PARTIAL_FLOATS, tape.target.maxBinding / 4);
      const matrices = { kind, maxParts: Math.floor(floats / sizeOf(tensors[result].shape)), ...extent(N) };
      const flops = 2 * N * P * Q * K * R * S * C;
      // The weights' gradient is a sum over all images.
      const more = kind === "backwardWeights" && first > 0;
      const ways = candidates(tape.target, matrices).map((candidate) => {
        const { name: way, variant, parts, hopeless } = candidate;
        const { n, z } = workgroups(candidate, matrices);
        const record: Way["record"] = (tape, tensors) => {
          const total = tensors[result];
          const direct = parts === 1 && !more;
          const made = direct ? total : tape.tensor(`${name}.${result} parts`, [parts, ...total.shape]);
          tape.dispatch(variant.kernels[kind], {
            tensors: { ...tensors, [result]: made },
            params: { N, ...geometry, parts },
            grid: tape.grid(n, z),
            constants,
            flops,
          });
          if (!direct) sumParts(tape, { parts: made, total, more });
        };
        return [way, { record, hopeless }] as const;
      });
      const sizes = `[${[N, H, W, C]}] · [${w.shape}], stride ${stride}`;
      tape.choose({ name: `conv2d ${kind} ${sizes}`, tensors, ways: Object.fromEntries(ways) });
    }
  };

  product("forward", {
    images: { x, y },
    others: { w, bias: bias ?? w },
    constants: { BIAS: Number(bias !== undefined) },
    extent: (N) => ({ rows: N * P * Q, columns: K, count: 1, depth: R * S * C }),
  });
  tape.note(y, (dy) => {
    if (bias?.gradient) {
      sumParts(tape, { parts: tape.reshape(dy, [N * P * Q, K]), total: bias.gradient });
    }
    if (w.gradient) {
      product("backwardWeights", {
        images: { x, dy },
        others: { dw: w.gradient },
        extent: (N) => ({ rows: R * S * C, columns: K, count: 1, depth: N * P * Q }),
      });
    }
    if (!tape.needsGradient(x)) return;
    const dx = tape.tensor(`${name}.dx`, x.shape);
    const along = (size: number) => Math.ceil(size / stride);
    product("backwardData", {
      images: { dy, dx },
      others: { w },
      extent: (N) => ({
        rows: N * along(H) * along(W),
        columns: C,
        count: stride * stride, // one class of pixels for each pair of remainders by the stride, see the kernel
        depth: along(R) * along(S) * K,
      }),
    });
    tape.accumulate(x, dx);
  });
  return y;
}
