/**
 * Tensors of float32: a shape, and a place in memory that is either given (a part of a store) or found by the plan.
 *
 * @module
 */
import { ALIGNMENT, type Region, type Store } from "../gpu/memory.ts";

/** A tensor in row-major order. Activations are [N, H, W, C] or [N, C], convolution weights [R, S, C, K]. */
export interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Where the tensor lies; the plan fills it in for the tensors of a trace. */
  region: Region | null;
  /** For parameters: where the gradient goes. Null for what is not trained. */
  readonly gradient?: Tensor | null;
  /** For a reshaped tensor: the one it was made from. */
  readonly origin?: Tensor;
}

/** The tensor that owns the memory of `tensor`. */
export function originOf(tensor: Tensor): Tensor {
  return tensor.origin ?? tensor;
}

/** The number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** A tensor that lies in `store`, `offset` bytes behind its beginning. */
export function tensorIn(
  store: Store,
  { name = store.name, shape, offset = 0, gradient }: {
    name?: string;
    shape: readonly number[];
    offset?: number;
    gradient?: Tensor | null;
  },
): Tensor {
  const bytes = sizeOf(shape) * 4;
  if (offset % ALIGNMENT !== 0) throw new RangeError(`Cannot place ${name} as ${offset} is not aligned`);
  if (offset + bytes > store.bytes) {
    throw new RangeError(
      `Cannot place ${name} as it ends at ${offset + bytes}: ${store.name} has ${store.bytes} bytes`,
    );
  }
  return { name, shape, region: { store, offset, bytes }, gradient };
}

/** Throws a TypeError in the words of design.md unless `condition` holds. */
export function expectShape(
  op: string,
  tensor: Tensor,
  { condition, expected }: { condition: boolean; expected: string },
): void {
  if (!condition) {
    throw new TypeError(
      `Cannot run ${op} as ${tensor.name} must ${expected}: current shape is [${tensor.shape.join(", ")}]`,
    );
  }
}
