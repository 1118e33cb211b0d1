/**
 * One product of the convolution, in the best way: what the layers and plain products of matrices have in common.
 *
 * @module
 */
import type { Constants } from "../gpu/kernel.ts";
import type { Tape } from "../graph/tape.ts";
import type { Way } from "../graph/kernel_choice.ts";
import { sizeOf, type Tensor } from "../graph/tensor.ts";
import { elementOf } from "./conv2d_element.ts";
import type { Geometry } from "./conv2d_geometry.ts";
import type { Product } from "./conv2d_kernels.ts";
import { candidates, type Matrices, workgroups } from "./conv2d_ways.ts";
import { sumParts } from "./sum_parts.ts";

/** At most this many floats of partial sums of a product; bounds what the parts cost in memory. */
const PARTIAL_FLOATS = 2 ** 22;
/** The tensor that each product makes. */
const RESULT = { forward: "y", backwardData: "dx", backwardWeights: "dw" } as const;

/** Appends the product `kind`, for all images or as many at a time as a kernel can bind. */
export function product(
  tape: Tape,
  kind: Product,
  { name, geometry, images, others, constants, extent }: {
    name: string;
    geometry: Geometry;
    /** The tensors of which there is one part an image, x, y, dx or dy. */
    images: Record<string, Tensor>;
    others: Record<string, Tensor>;
    constants?: Constants;
    /** What the product of N images is as one of matrices. */
    extent: (N: number) => Omit<Matrices, "kind" | "maxParts">;
  },
): void {
  const { H, W, C, P, Q, K, R, S, stride } = geometry;
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
    const sizes = `[${[N, H, W, C]}] · [${[R, S, C, K]}], stride ${stride}`;
    tape.choose({
      name: `conv2d ${kind} ${sizes}`,
      tensors,
      result: {
        name: result,
        terms: matrices.depth,
        element: elementOf(kind, geometry, { N, bias: constants?.BIAS === 1, more }),
      },
      ways: Object.fromEntries(ways),
    });
  }
}
