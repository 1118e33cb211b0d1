/**
 * Numbers that depend only on a name: the same here, on any machine, and in the script that ran PyTorch on them.
 *
 * @module
 */

function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}

/** `n` values in [0, 1) that depend on `tag`. */
export function hashUniform(tag: string, n: number): Float64Array<ArrayBuffer> {
  let seed = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(tag)) seed = Math.imul(seed ^ byte, 0x01000193);
  return Float64Array.from({ length: n }, (_, i) => mix(mix(i) + seed) / 2 ** 32);
}

/** `n` values in [−1, 1) that depend on `tag`. */
export function hashSigned(tag: string, n: number): Float32Array<ArrayBuffer> {
  return Float32Array.from(hashUniform(tag, n), (u) => 2 * u - 1);
}
