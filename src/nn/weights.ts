/**
 * The content of a flat store on the CPU: drawn, converted from PyTorch's layout, or converted to it.
 *
 * @module
 */
import { sizeOf } from "../graph/tensor.ts";
import { keyedRandom } from "../base/random.ts";
import type { FlatStore } from "./parameters.ts";

/** A tensor in PyTorch's layout. */
export interface TorchTensor {
  shape: readonly number[];
  data: Float32Array;
}

/**
 * The content of `flat` as its variables' initializers draw it, each keyed by the seed and its index; but for the variables in
 * `given`, which start with these values.
 */
export function drawWeights(
  flat: FlatStore,
  { seed, given }: { seed: number; given?: ReadonlyMap<string, TorchTensor> },
): Float32Array<ArrayBuffer> {
  return packWeights(flat, (name, i) => {
    const known = given?.get(name);
    if (known) return known.data;
    const { layout, init } = flat.variables[i];
    const values = new Float32Array(sizeOf(layout.torchShape));
    init(values, keyedRandom(seed, WEIGHTS_KEY, i));
    return values;
  });
}

/** Separates the draws of weights from those of orders and views, which have other keys after the seed. */
const WEIGHTS_KEY = 2 ** 40;

/** The content of `flat` from its variables' values in PyTorch's order. Padding is 0. */
export function packWeights(
  flat: FlatStore,
  valuesOf: (name: string, i: number) => Float32Array,
): Float32Array<ArrayBuffer> {
  const content = new Float32Array(flat.store.bytes / 4);
  flat.variables.forEach(({ name, layout, tensor }, i) => {
    content.set(layout.fromTorch(valuesOf(name, i)), tensor.region!.offset / 4);
  });
  return content;
}

/** The variables of `flat` in PyTorch's order and shapes, named `prefix` + name. */
export function unpackWeights(
  flat: FlatStore,
  { content, prefix = "" }: { content: Float32Array; prefix?: string },
): Map<string, TorchTensor> {
  return new Map(flat.variables.map(({ name, layout, tensor }) => {
    const begin = tensor.region!.offset / 4;
    const data = layout.toTorch(content.subarray(begin, begin + sizeOf(layout.shape)));
    return [`${prefix}${name}`, { shape: [...layout.torchShape], data }];
  }));
}

/** The shape of each variable in PyTorch's files, named `prefix` + name. */
export function torchShapes(flat: FlatStore, { prefix }: { prefix: string }): Map<string, number[]> {
  return new Map(flat.variables.map(({ name, layout }) => [`${prefix}${name}`, [...layout.torchShape]]));
}
