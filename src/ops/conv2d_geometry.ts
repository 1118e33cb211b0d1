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

/** The bindings of each product, without textures. */
export const BINDINGS = {
  forward: { x: "read", w: "read", bias: "read", y: "read_write" },
  backwardData: { dy: "read", w: "read", dx: "read_write" },
  backwardWeights: { x: "read", dy: "read", dw: "read_write" },
} as const;

/** What may be float16: all but sums of parts and gradients of weights. */
export const ALIASES = {
  forward: { Stored: ["x", "w"], Result: ["y"] },
  backwardData: { Stored: ["dy", "w"], Result: ["dx"] },
  backwardWeights: { Stored: ["x", "dy"] },
} as const satisfies Record<Product, Kernel["aliases"]>;
