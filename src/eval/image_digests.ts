/**
 * Finds images that are both learned from and tested on.
 *
 * @module
 */

import { grouped } from "../base/format.ts";

/** Values of an image that its digest is made of, at most. */
const MAX_VALUES = 4096;

const turned = (h: number, by: number) => (h << by) | (h >>> (32 - by));

/**
 * A number of 53 bits for each of the `n` images [n, size, size, 4]: equal images have equal numbers, others hardly ever.
 * Of large images it takes some of the pixels, evenly spread.
 */
export function imageDigests(
  images: Float32Array<ArrayBuffer>,
  { n, size }: { n: number; size: number },
): number[] {
  const bits = new Uint32Array(images.buffer, images.byteOffset, images.length);
  const pixels = size * size, step = Math.max(1, Math.ceil(3 * pixels / MAX_VALUES));
  return Array.from({ length: n }, (_, i) => {
    let a = 0x9e3779b9, b = 0x243f6a88;
    for (let pixel = 0; pixel < pixels; pixel += step) {
      const at = (i * pixels + pixel) * 4;
      for (let c = 0; c < 3; c++) {
        a = Math.imul(turned(a ^ bits[at + c], 13), 0x85ebca6b);
        b = Math.imul(turned(b ^ bits[at + c], 17), 0xc2b2ae35);
      }
    }
    return (a >>> 0) * 2 ** 21 + (b >>> 11);
  });
}

/** Images by their digests, and which of them count. */
export interface DigestedRows {
  digests: readonly number[];
  rows: ArrayLike<number>;
}

/** A warning if images to test on are among those to learn from; null if none are. */
export function sharedImages(learned: DigestedRows, tested: DigestedRows): string | null {
  const known = new Set<number>();
  for (let i = 0; i < learned.rows.length; i++) known.add(learned.digests[learned.rows[i]]);
  let shared = 0;
  for (let i = 0; i < tested.rows.length; i++) if (known.has(tested.digests[tested.rows[i]])) shared++;
  if (shared === 0) return null;
  const all = shared === tested.rows.length,
    share = all ? `All ${grouped(shared)}` : `${grouped(shared)} of the ${grouped(tested.rows.length)}`;
  return `${share} test images are also among the images to learn from: the figures ${
    all ? "say nothing" : "say too much"
  } of how well other images are recognized.`;
}
