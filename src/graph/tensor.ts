/**
 * Tensors: a shape, and a region of memory that is either given (a part of a store) or chosen by the plan.
 *
 * @module
 */
import { ELEMENT_BYTES, type ElementType } from "../gpu/kernel.ts";
import { ALIGNMENT, type Region, type Store } from "../gpu/memory.ts";

/** A tensor in row-major order. Activations are [N, H, W, C] or [N, C], convolution weights [R, S, C, K]. */
export interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Of its elements in memory; float32 by default. */
  readonly type?: ElementType;
  /** Where the tensor lies; the plan sets it for the tensors of a trace. */
  region: Region | null;
  /** For parameters: the tensor of the gradient; null if they are not trained. */
  readonly gradient?: Tensor | null;
  /** For parameters of networks that compute with float16: the copy of it in that type, which the optimizer keeps up to date. */
  readonly half?: Tensor;
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
  return { store, offset: offset + (tensor.offset ?? 0), bytes: bytesOf(tensor) };
}

/** Rows `begin` … `end` − 1 of the first axis of `tensor`, in its memory: for dispatches, not for gradients. */
export function slice(tensor: Tensor, { begin, end }: { begin: number; end: number }): Tensor {
  const { name, type, shape: [rows, ...rest] } = tensor;
  if (begin === 0 && end === rows) return tensor;
  const offset = (tensor.offset ?? 0) + begin * bytesOf({ shape: rest, type });
  if (!(0 <= begin && begin < end && end <= rows)) {
    throw new RangeError(`Cannot slice "${name}" from ${begin} to ${end}: it has ${rows} rows`);
  }
  if (offset % ALIGNMENT !== 0) {
    throw new RangeError(`Cannot slice "${name}": offset ${offset} is not aligned`);
  }
  return { name, shape: [end - begin, ...rest], type, region: null, origin: originOf(tensor), offset };
}

/** The number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** The type of a tensor's elements. */
export function typeOf({ type = "f32" }: Pick<Tensor, "type">): ElementType {
  return type;
}

/** For names of work on `tensor`: its type, unless it is the usual one. */
export function typeNote(tensor: Tensor): string {
  return typeOf(tensor) === "f16" ? " of float16" : "";
}

/** The bytes of a tensor. */
export function bytesOf({ shape, type = "f32" }: Pick<Tensor, "shape" | "type">): number {
  return sizeOf(shape) * ELEMENT_BYTES[type];
}

/** The tensor of the weights `w` that a product with `x` reads: the float16 copy if `x` is float16. */
export function weightsFor(x: Tensor, w: Tensor): Tensor {
  if (typeOf(x) === "f32") return w;
  if (!w.half) throw new TypeError(`Cannot multiply "${x.name}" by "${w.name}": it has no copy in float16`);
  return w.half;
}

/** A tensor in `store`, `offset` bytes from its beginning. */
export function tensorIn(
  store: Store,
  { name = store.name, shape, type, offset = 0, gradient }: {
    name?: string;
    shape: readonly number[];
    type?: ElementType;
    offset?: number;
    gradient?: Tensor | null;
  },
): Tensor {
  const bytes = bytesOf({ shape, type });
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
  return { name, shape, type, region: { store, offset, bytes }, gradient };
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
