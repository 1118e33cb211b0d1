/**
 * Tensors of float32: a shape, and a region of memory that is either given (a part of a store) or chosen by the plan.
 *
 * @module
 */
import { ALIGNMENT, type Region, type Store } from "../gpu/memory.ts";

/** A tensor in row-major order. Activations are [N, H, W, C] or [N, C], convolution weights [R, S, C, K]. */
export interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Where the tensor lies; the plan sets it for the tensors of a trace. */
  region: Region | null;
  /** For parameters: the tensor of the gradient; null if they are not trained. */
  readonly gradient?: Tensor | null;
  /** For a reshaped tensor or a slice: the one that owns the memory. */
  readonly origin?: Tensor;
  /** For a slice: bytes between the beginning of the origin and its own, a multiple of {@linkcode ALIGNMENT}. */
  readonly offset?: number;
}

/** The tensor that owns the memory of `tensor`. */
export function originOf(tensor: Tensor): Tensor {
  return tensor.origin ?? tensor;
}

/** Where `tensor` lies: within the region of its origin. */
export function regionOf(tensor: Tensor): Region {
  const { region, name } = originOf(tensor);
  if (!region) throw new TypeError(`Cannot locate "${name}": it is not placed yet`);
  const { store, offset } = region;
  return { store, offset: offset + (tensor.offset ?? 0), bytes: sizeOf(tensor.shape) * 4 };
}

/** Rows `begin` … `end` − 1 of the first axis of `tensor`, in its memory: for dispatches, not for gradients. */
export function slice(tensor: Tensor, { begin, end }: { begin: number; end: number }): Tensor {
  const { name, shape: [rows, ...rest] } = tensor;
  if (begin === 0 && end === rows) return tensor;
  const offset = (tensor.offset ?? 0) + begin * sizeOf(rest) * 4;
  if (!(0 <= begin && begin < end && end <= rows)) {
    throw new RangeError(`Cannot slice "${name}" from ${begin} to ${end}: it has ${rows} rows`);
  }
  if (offset % ALIGNMENT !== 0) {
    throw new RangeError(`Cannot slice "${name}": offset ${offset} is not aligned`);
  }
  return { name, shape: [end - begin, ...rest], region: null, origin: originOf(tensor), offset };
}

/** The number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** A tensor in `store`, `offset` bytes from its beginning. */
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
  if (offset % ALIGNMENT !== 0) {
    throw new RangeError(`Cannot place "${name}": offset ${offset} is not aligned`);
  }
  if (offset + bytes > store.bytes) {
    throw new RangeError(
      `Cannot place "${name}": it ends at byte ${
        offset + bytes
      } of "${store.name}", which has ${store.bytes}`,
    );
  }
  return { name, shape, region: { store, offset, bytes }, gradient };
}

/** Throws a TypeError unless `condition` holds. */
export function expectShape(
  op: string,
  tensor: Tensor,
  { condition, expected }: { condition: boolean; expected: string },
): void {
  if (!condition) {
    throw new TypeError(
      `Cannot run ${op}: "${tensor.name}" must ${expected}, but its shape is [${tensor.shape.join(", ")}]`,
    );
  }
}
