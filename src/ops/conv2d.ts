/**
 * Two-dimensional convolution, NHWC, without bias. A linear layer is the case of 1 × 1 pixels and taps.
 *
 * @module
 */
import type { Tape } from "../graph/tape.ts";
import type { Way } from "../graph/target.ts";
import { expectShape, sizeOf, type Tensor } from "../graph/tensor.ts";
import { candidates, type Product, tiling, type Variant, variants } from "./conv2d_kernels.ts";
import { sumParts } from "./sum_parts.ts";

/** Pixels of a part of the weights' gradient: enough to hide the final sum, few enough to occupy a GPU. */
const PIXELS_PER_PART = 512;
/** At most this many floats of partial sums per weight gradient; bounds what the parts cost in memory. */
const PARTIAL_FLOATS = 2 ** 22;

/**
 * y[n,p,q,k] = Σ_r,s,c x[n, p·stride + r − pad, q·stride + s − pad, c] · w[r,s,c,k]
 *
 * @param x [N, H, W, C] with C a multiple of 4.
 * @param options `w`: [R, S, C, K] with K a multiple of 4, its gradient goes to `w.gradient`; `stride` and `pad` in pixels.
 * @returns y [N, P, Q, K] with P = ⌊(H + 2·pad − R) / stride⌋ + 1 and Q alike.
 */
export function conv2d(
  tape: Tape,
  { x, w, stride, pad, name }: { x: Tensor; w: Tensor; stride: number; pad: number; name: string },
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
  // A parameter lies somewhere in its store's texture; what the plan places begins its own.
  const params = { N, H, W, C, P, Q, K, R, S, stride, pad, wAt: (w.region?.offset ?? 0) / 16 };
  const flops = 2 * N * P * Q * K * R * S * C;
  const sizes = `[${x.shape}] · [${w.shape}], stride ${stride}`;

  /** Appends one of the products in the best way; `outputs` is the matrix that it makes. */
  const product = (
    kind: Product,
    { tensors, outputs, grid, parts }: {
      tensors: Record<string, Tensor>;
      outputs: { rows: number; columns: number };
      grid: (tiles: { x: number; z: number }) => [number, number, number];
      parts?: number;
    },
  ) => {
    const ways = candidates(tape.target, outputs).map(({ name, hopeless }) => {
      const variant: Variant = variants[name];
      const record: Way["record"] = (tape, tensors) =>
        tape.dispatch(variant.kernels[kind], {
          tensors,
          params: { ...params, parts: parts ?? 1 },
          grid: grid(tiling(variant, outputs)),
          flops,
        });
      return [name, { record, hopeless }] as const;
    });
    tape.choose({ name: `conv2d ${kind} ${sizes}`, tensors, ways: Object.fromEntries(ways) });
  };

  product("forward", {
    tensors: { x, w, y },
    outputs: { rows: N * P * Q, columns: K },
    grid: ({ x, z }) => tape.grid(x, z),
  });
  tape.note(y, (dy) => {
    if (w.gradient) {
      const parts = Math.max(
        1,
        Math.min(Math.ceil(N * P * Q / PIXELS_PER_PART), Math.floor(PARTIAL_FLOATS / sizeOf(w.shape))),
      );
      const dw = parts === 1 ? w.gradient : tape.tensor(`${name}.dw parts`, [parts, ...w.shape]);
      product("backwardWeights", {
        tensors: { x, dy, dw },
        outputs: { rows: R * S * C, columns: K },
        grid: ({ x, z }) => tape.grid(parts, x * z),
        parts,
      });
      if (parts > 1) sumParts(tape, { parts: dw, total: w.gradient });
    }
    if (!tape.needsGradient(x)) return;
    const dx = tape.tensor(`${name}.dx`, x.shape);
    // One class of pixels for each pair of remainders by the stride, see the kernel.
    const classes = stride * stride;
    product("backwardData", {
      tensors: { dy, w, dx },
      outputs: { rows: N * Math.ceil(H / stride) * Math.ceil(W / stride), columns: C },
      grid: ({ x, z }) => tape.grid(x, z * classes),
    });
    tape.accumulate(x, dx);
  });
  return y;
}
