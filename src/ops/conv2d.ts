/**
 * Two-dimensional convolution, NHWC, without bias. A linear layer is the case of 1 × 1 pixels and taps.
 *
 * @module
 */
import conv2dCode from "../../kernels/conv2d.wgsl" with { type: "text" };
import conv2dSubgroup8Code from "../../kernels/conv2d_subgroup8.wgsl" with { type: "text" };
import backwardDataCode from "../../kernels/conv2d_backward_data.wgsl" with { type: "text" };
import backwardDataSubgroup8Code from "../../kernels/conv2d_backward_data_subgroup8.wgsl" with {
  type: "text",
};
import backwardWeightsCode from "../../kernels/conv2d_backward_weights.wgsl" with { type: "text" };
import backwardWeightsSubgroup8Code from "../../kernels/conv2d_backward_weights_subgroup8.wgsl" with {
  type: "text",
};
import type { Kernel } from "../gpu/kernel.ts";
import type { Tape } from "../graph/tape.ts";
import { expectShape, sizeOf, type Tensor } from "../graph/tensor.ts";
import { sumParts } from "./sum_parts.ts";

// deno-fmt-ignore
const geometry: Kernel["params"] = {
  N: "u32", H: "u32", W: "u32", C: "u32", P: "u32", Q: "u32", K: "u32", R: "u32", S: "u32", stride: "u32", pad: "u32",
};

/**
 * The kernels by what they need of the adapter. `portable` makes tiles of 4 × 4 and fits any adapter. `subgroup8` makes
 * tiles of 32 × 32 and wants subgroups of exactly 8 lanes: that is Mesa's software adapter, where it also reads textures.
 */
const kernels = {
  forward: {
    portable: {
      name: "conv2d",
      code: conv2dCode,
      bindings: { x: "read", w: "read", y: "read_write" },
      params: geometry,
    },
    subgroup8: {
      name: "conv2d_subgroup8",
      code: conv2dSubgroup8Code,
      bindings: { x: "texture", w: "texture", y: "read_write" },
      params: { ...geometry, wAt: "u32" },
    },
  },
  backwardData: {
    portable: {
      name: "conv2d_backward_data",
      code: backwardDataCode,
      bindings: { dy: "read", w: "read", dx: "read_write" },
      params: geometry,
    },
    subgroup8: {
      name: "conv2d_backward_data_subgroup8",
      code: backwardDataSubgroup8Code,
      bindings: { dy: "texture", w: "texture", dx: "read_write" },
      params: { ...geometry, wAt: "u32" },
    },
  },
  backwardWeights: {
    portable: {
      name: "conv2d_backward_weights",
      code: backwardWeightsCode,
      bindings: { x: "read", dy: "read", dw: "read_write" },
      params: { ...geometry, parts: "u32" },
    },
    subgroup8: {
      name: "conv2d_backward_weights_subgroup8",
      code: backwardWeightsSubgroup8Code,
      bindings: { x: "texture", dy: "texture", dw: "read_write" },
      params: { ...geometry, parts: "u32" },
    },
  },
} as const satisfies Record<string, Record<"portable" | "subgroup8", Kernel>>;

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
  const variant = tape.target.subgroupSize === 8 ? "subgroup8" : "portable";
  /** The grid of a kernel that makes `rows` × `columns` outputs, `copies` times. */
  const grid = (rows: number, columns: number, copies = 1) =>
    variant === "subgroup8"
      ? tape.grid(Math.ceil(rows / 32), Math.ceil(columns / 32) * copies)
      : tape.grid(Math.ceil(Math.ceil(rows / 4) * (columns / 4) / 64), copies);

  tape.dispatch(kernels.forward[variant], { tensors: { x, w, y }, params, grid: grid(N * P * Q, K) });

  tape.note(y, (dy) => {
    if (w.gradient) {
      const rows = R * S * C;
      const parts = Math.max(
        1,
        Math.min(Math.ceil(N * P * Q / PIXELS_PER_PART), Math.floor(PARTIAL_FLOATS / sizeOf(w.shape))),
      );
      const dw = parts === 1 ? w.gradient : tape.tensor(`${name}.dw parts`, [parts, ...w.shape]);
      const tiles = variant === "subgroup8"
        ? Math.ceil(rows / 32) * Math.ceil(K / 32)
        : Math.ceil((rows / 4) * (K / 4) / 64);
      tape.dispatch(kernels.backwardWeights[variant], {
        tensors: { x, dy, dw },
        params: { ...params, parts },
        grid: tape.grid(parts, tiles),
      });
      if (parts > 1) sumParts(tape, { parts: dw, total: w.gradient });
    }
    if (!tape.needsGradient(x)) return;
    const dx = tape.tensor(`${name}.dx`, x.shape);
    // One class of pixels for each pair of remainders by the stride, see the kernel.
    const pixels = N * Math.ceil(H / stride) * Math.ceil(W / stride);
    tape.dispatch(kernels.backwardData[variant], {
      tensors: { dy, w, dx },
      params,
      grid: grid(pixels, C, stride * stride),
    });
    tape.accumulate(x, dx);
  });
  return y;
}
