/**
 * An order of images whose beginning, however long, is like the whole.
 *
 * @module
 */
import { keyedRandom, permutation } from "../src/base/random.ts";

/** Keep these draws apart from all others. */
const ORDER_KEY = 2 ** 53 - 4, CLASS_KEY = 2 ** 53 - 5;

/**
 * The numbers 0 … n − 1 in an order drawn by `seed`, in which each prefix holds each class in its share, as far as whole
 * images allow; images without a label count as a class. Without `labelOf`, or with one class, a random permutation.
 *
 * Image j of the n_k of class k, in random order, comes at the fraction (j + u_k) / n_k of the whole. The offsets u_k are
 * spread evenly over 0 … 1 and drawn, so that classes of one image are spread too. It takes 24 bytes per image.
 */
export function mixedOrder(
  n: number,
  { labelOf, seed }: { labelOf?: (index: number) => number | null; seed: number },
): Uint32Array<ArrayBuffer> {
  const order = permutation(n, keyedRandom(seed, ORDER_KEY)) as Uint32Array<ArrayBuffer>;
  if (!labelOf) return order;
  const { classOf, counts } = classesOf(n, labelOf);
  if (counts.length <= 1) return order;
  const ranks = permutation(counts.length, keyedRandom(seed, CLASS_KEY));
  // A fraction and a number share the 53 bits of a float, so that the native sort can be used.
  const numbers = 2 ** Math.ceil(Math.log2(n)), fractions = 2 ** 53 / numbers;
  const keys = new Float64Array(n), taken = new Uint32Array(counts.length);
  for (let at = 0; at < n; at++) {
    const k = classOf[order[at]], offset = (ranks[k] + .5) / counts.length;
    keys[at] = Math.floor((taken[k]++ + offset) / counts[k] * fractions) * numbers + order[at];
  }
  keys.sort();
  for (let at = 0; at < n; at++) order[at] = keys[at] % numbers;
  return order;
}

/** The class of each image, in order of appearance, and the number of images of each. */
function classesOf(n: number, labelOf: (index: number) => number | null) {
  const places = new Map<number | null, number>(), counts: number[] = [], classOf = new Uint32Array(n);
  for (let i = 0; i < n; i++) {
    const label = labelOf(i);
    let k = places.get(label);
    if (k === undefined) {
      places.set(label, k = counts.length);
      counts.push(0);
    }
    classOf[i] = k;
    counts[k]++;
  }
  return { classOf, counts };
}
