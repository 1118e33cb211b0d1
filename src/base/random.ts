/**
 * Random numbers drawn by key.
 *
 * A draw depends on its key alone, such as (seed, epoch, sample index, view), not on the Worker that makes it or on the
 * order of draws. MurmurHash3's 32-bit finalizer mixes the keys into the 128-bit state of an sfc32 generator
 * (Doty-Humphrey, PractRand), which passes BigCrush and needs only 32-bit arithmetic.
 *
 * @module
 */

/** A stream of random numbers. */
export interface Random {
  /** Uniform in [0, 1), 32 random bits. */
  uniform(): number;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** A uniform integer in [0, n), n ≤ 2³². */
  integer(n: number): number;
  /** Standard normal, by the Box-Muller transform. */
  normal(): number;
  /** True with probability `p`. Always takes one draw, so that later draws do not depend on `p`. */
  chance(p: number): boolean;
}

function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A 32-bit hash of `text`: FNV-1a over its UTF-16 code units, mixed. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mix(hash);
}

/** The stream of random numbers for `keys`, non-negative integers below 2⁵³. */
export function keyedRandom(...keys: number[]): Random {
  const state = new Uint32Array([0x9e3779b9, 0x243f6a88, 0xb7e15162, 1]);
  for (const key of keys) {
    if (!Number.isSafeInteger(key) || key < 0) {
      throw new RangeError(`Cannot draw by the key ${key}: keys are non-negative integers below 2⁵³.`);
    }
    const low = key >>> 0, high = Math.floor(key / 2 ** 32);
    for (let i = 0; i < 3; i++) {
      state[i] = mix(state[i] + Math.imul(low ^ mix(high + i), 0x9e3779b1) + i + 1);
    }
    // Each word depends on all, so that keys differing in one bit share no word.
    state[0] = mix(state[0] ^ state[2]);
    state[1] = mix(state[1] ^ state[0]);
    state[2] = mix(state[2] ^ state[1]);
  }
  let [a, b, c, d] = state;
  function next(): number {
    const t = (((a + b) >>> 0) + d) >>> 0;
    d = (d + 1) >>> 0;
    a = (b ^ (b >>> 9)) >>> 0;
    b = (c + (c << 3)) >>> 0;
    c = (((c << 21) | (c >>> 11)) + t) >>> 0;
    return t;
  }
  for (let i = 0; i < 12; i++) next();

  const uniform = () => next() / 2 ** 32;
  return {
    uniform,
    between: (low, high) => low + (high - low) * uniform(),
    integer: (n) => Math.floor(uniform() * n),
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    chance: (p) => uniform() < p,
  };
}

/** A random permutation of 0 … n − 1 (Fisher-Yates). */
export function permutation(n: number, random: Random): Uint32Array {
  const order = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  for (let i = n - 1; i > 0; i--) {
    const j = random.integer(i + 1), held = order[i];
    order[i] = order[j];
    order[j] = held;
  }
  return order;
}
