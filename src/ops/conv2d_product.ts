/**
 * One product of the convolution, by the best variant: for layers and for plain products of matrices.
 *
 * @module
 */
import type { Constants } from "../gpu/kernel.ts";
import type { Tape } from "../graph/tape.ts";
import type { Variant } from "../graph/kernel_choice.ts";
import { sizeOf, type Tensor, typeNote, typeOf } from "../graph/tensor.ts";
import { elementOf } from "./conv2d_element.ts";
import type { Geometry } from "./conv2d_geometry.ts";
import type { Product } from "./conv2d_geometry.ts";
import { candidates, type Matrices, workgroups } from "./conv2d_candidates.ts";
import { sumParts } from "./sum_parts.ts";

/** Most floats of a product's partial sums: bounds their memory. */
const PARTIAL_FLOATS = 2 ** 22;
/** The result of each product. */
const RESULT = { forward: "y", backwardData: "dx", backwardWeights: "dw" } as const;

/** Appends the product `kind`, in one dispatch or for as many images at a time as a kernel can bind. */
export function product(
  tape: Tape,
  kind: Product,
  { name, geometry, images, others, constants, extent }: {
    name: string;
    geometry: Geometry;
    /** The tensors with an axis of images: x, y, dx or dy. */
    images: Record<string, Tensor>;
    others: Record<string, Tensor>;
    constants?: Constants;
    /** The product of N images as a product of matrices. */
    extent: (N: number) => Omit<Matrices, "kind" | "halves" | "maxParts">;
  },
): void {
  const { H, W, C, P, Q, K, R, S, stride } = geometry;
  for (const { tensors: slices, first } of tape.pieces(images)) {
    const [N] = Object.values(slices)[0].shape;
    const tensors = { ...slices, ...others };
    const result = RESULT[kind];
    const floats = Math.min(PARTIAL_FLOATS, tape.target.maxBinding / 4);
    const halves = typeOf(Object.values(slices)[0]) === "f16";
    const maxParts = Math.floor(floats / sizeOf(tensors[result].shape));
    const matrices = { kind, halves, maxParts, ...extent(N) };
    const flops = 2 * N * P * Q * K * R * S * C;
    // The weights' gradient is a sum over all images.
    const more = kind === "backwardWeights" && first > 0;
    const variants = candidates(tape.target, matrices).map((candidate) => {
      const { name: variantName, variant, parts, skipTuning } = candidate;
      const { n, z } = workgroups(candidate, matrices);
      const record: Variant["record"] = (tape, tensors) => {
        const total = tensors[result];
        const direct = parts === 1 && !more;
        const made = direct ? total : tape.tensor(`${name}.${result} parts`, [parts, ...total.shape]);
        tape.dispatch(variant.kernels[kind], {
          tensors: { ...tensors, [result]: made },
          params: { N, ...geometry, parts },
          grid: tape.grid(n, z),
          constants: { ...constants, ...variant.constants },
          flops,
        });
        if (!direct) sumParts(tape, { parts: made, total, more });
      };
      return [variantName, { record, skipTuning }] as const;
    });
    const sizes = `[${[N, H, W, C]}] · [${[R, S, C, K]}], stride ${stride}`;
    tape.choose({
      name: `conv2d ${kind}${typeNote(Object.values(images)[0])} ${sizes}`,
      tensors,
      result: {
        name: result,
        terms: matrices.depth,
        element: elementOf(kind, geometry, { N, bias: constants?.BIAS === 1, more }),
      },
      variants: Object.fromEntries(variants),
    });
  }
}
