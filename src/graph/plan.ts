/**
 * The memory plan: every tensor of a trace gets a place before anything is allocated.
 *
 * A tensor lives from the dispatch that first writes it to the last one that binds it. Tensors whose lives do not
 * overlap share a slot, and a slot is one GPU buffer: WebGPU forbids a buffer that is bound for reading and for
 * writing in one dispatch, even in disjoint parts, and tensors of one dispatch are alive together, so never share.
 *
 * @module
 */
import { allocatedBytes, type Category, roundUp, type Store } from "../gpu/memory.ts";
import type { Dispatch } from "./tape.ts";
import { originOf, sizeOf, type Tensor } from "./tensor.ts";

/** Where everything lies and what it costs. */
export interface Plan {
  /** All stores of the trace: the given ones, and a slot for each group of tensors that take turns. */
  stores: Store[];
  /** Bytes by category. */
  bytes: Map<Category, number>;
  total: number;
  /** The largest single binding in bytes, and the tensor that asks for it. */
  largest: { bytes: number; name: string };
}

/**
 * Gives a place to each tensor of `dispatches` that has none.
 *
 * @param keep Tensors that must survive the last dispatch, such as outputs that are read back.
 */
export function planMemory(dispatches: readonly Dispatch[], keep: readonly Tensor[] = []): Plan {
  const last = new Map<Tensor, number>();
  dispatches.forEach(({ tensors }, i) => tensors.forEach((tensor) => last.set(originOf(tensor), i)));
  keep.forEach((tensor) => last.set(originOf(tensor), dispatches.length));

  const stores = new Set<Store>();
  const free: Store[] = [];
  let largest = { bytes: 0, name: "" };
  dispatches.forEach(({ tensors }, i) => {
    const distinct = new Set(tensors.map(originOf));
    for (const tensor of distinct) {
      const bytes = sizeOf(tensor.shape) * 4;
      if (bytes > largest.bytes) largest = { bytes, name: tensor.name };
      if (tensor.region === null) {
        const store = takeSlot(free, bytes) ??
          { name: `slot of ${tensor.name}`, category: "activations", bytes: 0 };
        store.bytes = Math.max(store.bytes, roundUp(bytes, 16));
        tensor.region = { store, offset: 0, bytes };
      }
      stores.add(tensor.region.store);
    }
    for (const tensor of distinct) {
      const { store } = tensor.region!;
      if (last.get(tensor) === i && store.category === "activations") free.push(store);
    }
  });

  const bytes = new Map<Category, number>();
  const count = (category: Category, store: Store) =>
    bytes.set(category, (bytes.get(category) ?? 0) + allocatedBytes(store));
  for (const store of stores) count(store.category, store);
  for (const store of copiedStores(dispatches)) count("texture copies", store);
  const total = [...bytes.values()].reduce((sum, n) => sum + n, 0);
  return { stores: [...stores], bytes, total, largest };
}

/** The stores that some dispatch reads as a texture. */
function copiedStores(dispatches: readonly Dispatch[]): Set<Store> {
  const copied = new Set<Store>();
  for (const { kernel, tensors } of dispatches) {
    Object.values(kernel.bindings).forEach((access, i) => {
      if (access === "texture") copied.add(originOf(tensors[i]).region!.store);
    });
  }
  return copied;
}

/** Removes from `free` the slot that wastes least: the tightest that is large enough, else the largest, to grow. */
function takeSlot(free: Store[], bytes: number): Store | undefined {
  let best = -1;
  for (let i = 0; i < free.length; i++) {
    if (best < 0) best = i;
    const [a, b] = [free[i].bytes, free[best].bytes];
    if (a >= bytes ? b < bytes || a < b : b < bytes && a > b) best = i;
  }
  return best < 0 ? undefined : free.splice(best, 1)[0];
}
