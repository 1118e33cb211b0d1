/**
 * The sizes of a convolution, and its products.
 *
 * @module
 */
import type { Kernel } from "../gpu/kernel.ts";

/** The three products of a convolution: the result, and the gradients of its input and its weights. */
export type Product = "forward" | "backwardData" | "backwardWeights";

/** The sizes of a convolution, without the number of images: images, filters, kernel. */
export interface Geometry {
  H: number;
  W: number;
  C: number;
  P: number;
  Q: number;
  K: number;
  R: number;
  S: number;
  stride: number;
  pad: number;
}

/** The parameters that kernels take for them, and for the number of images. */
// deno-fmt-ignore
export const geometryParams: Kernel["params"] = {
  N: "u32", H: "u32", W: "u32", C: "u32", P: "u32", Q: "u32", K: "u32", R: "u32", S: "u32", stride: "u32", pad: "u32",
};
