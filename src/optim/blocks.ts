/**
 * The flat parameter store in blocks, as the optimizer's kernels use it.
 *
 * @module
 */
import { ALIGNMENT, type Store } from "../gpu/memory.ts";
import type { Tensor } from "../graph/tensor.ts";

/** The parameters of a network in one store, each beginning at a multiple of {@linkcode ALIGNMENT}. */
export interface FlatParameters {
  store: Store;
  variables: readonly Parameter[];
}

/** A parameter. */
export interface Parameter {
  tensor: Tensor;
}

/** A block belongs to one parameter: the kernels look it up by block. */
export const BLOCK_BYTES = ALIGNMENT;

/** The blocks `first` … `end` − 1 of a parameter. */
export function blocksOf({ tensor }: Parameter): { first: number; end: number } {
  const { offset, bytes } = tensor.region!;
  return { first: offset / BLOCK_BYTES, end: Math.ceil((offset + bytes) / BLOCK_BYTES) };
}

/** Whether a parameter has weight decay and a trust ratio: biases, norms and layer scales, of one axis here, do not. */
export function isAdapted({ tensor: { shape } }: Parameter): boolean {
  return shape.length > 1;
}
