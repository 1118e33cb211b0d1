/**
 * The kernels of the depthwise convolution: contracts, how many invocations they take, and single elements in double
 * precision, by which the tuner judges them.
 *
 * @module
 */
import convolveBlocked from "../../kernels/depthwise/convolve_blocked.wgsl" with { type: "text" };
import convolveTiled from "../../kernels/depthwise/convolve_tiled.wgsl" with { type: "text" };
import weightsBlocked from "../../kernels/depthwise/backward_weights_blocked.wgsl" with { type: "text" };
import weightsTiled from "../../kernels/depthwise/backward_weights_tiled.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";

/** The sizes of the images. */
export interface Sizes {
  N: number;
  H: number;
  W: number;
  C: number;
}

/** Kernels with the same split of the work. */
interface Variant {
  convolve: Kernel;
  weights: Kernel;
  /** Workgroups of `convolve`. */
  workgroups(sizes: Sizes): number;
  /** Of `weights`: into how many parts the sums can be split, and the workgroups of so many parts. */
  mostParts(sizes: Sizes): number;
  workgroupsOfParts(sizes: Sizes, parts: number): number;
}

const params: Kernel["params"] = { N: "u32", H: "u32", W: "u32", C: "u32", parts: "u32" };
const CONVOLVE = { x: "read", k: "read", bias: "read", y: "read_write" } as const;
const WEIGHTS = { x: "read", dy: "read", dk: "read_write" } as const;
const blocked = { ...wgsl.workgroup, ...wgsl.depthwiseParams } as const;
const tiled = { ...blocked, ...wgsl.depthwiseTiles } as const;

/** Taps on a side. */
export const SIDE = 7;
/** Pixels of a tile on a side, and quadruples of channels of a workgroup. */
const TILE = 8, QUADS = 4, QUADS_OF_WEIGHTS = 2;

const tilesOf = ({ N, H, W }: Sizes) => N * Math.ceil(H / TILE) * Math.ceil(W / TILE);

/** By name: `blocked` fits any adapter, `tiled` is for GPUs. */
export const variants = {
  "blocked-1x4": {
    convolve: {
      name: "depthwise_conv2d",
      files: { ...blocked, "depthwise/convolve_blocked.wgsl": convolveBlocked },
      bindings: CONVOLVE,
      aliases: { Stored: ["x", "k"], Result: ["y"] },
      params,
    },
    weights: {
      name: "depthwise_conv2d_backward_weights",
      files: { ...blocked, "depthwise/backward_weights_blocked.wgsl": weightsBlocked },
      bindings: WEIGHTS,
      aliases: { Stored: ["x", "dy"] },
      params,
    },
    workgroups: ({ N, H, W, C }) => Math.ceil(N * H * Math.ceil(W / 4) * C / 4 / 64),
    mostParts: ({ N, H }) => N * H,
    workgroupsOfParts: ({ C }, parts) => Math.ceil(parts * SIDE * C / 4 / 64),
  },
  "tiled-8x8": {
    convolve: {
      name: "depthwise_conv2d_tiled",
      files: { ...tiled, "depthwise/convolve_tiled.wgsl": convolveTiled },
      bindings: CONVOLVE,
      aliases: { Stored: ["x", "k"], Result: ["y"] },
      params,
    },
    weights: {
      name: "depthwise_conv2d_backward_weights_tiled",
      files: { ...tiled, "depthwise/backward_weights_tiled.wgsl": weightsTiled },
      bindings: WEIGHTS,
      aliases: { Stored: ["x", "dy"] },
      params,
    },
    workgroups: (sizes) => tilesOf(sizes) * Math.ceil(sizes.C / 4 / QUADS),
    mostParts: tilesOf,
    workgroupsOfParts: ({ C }, parts) => parts * Math.ceil(C / 4 / QUADS_OF_WEIGHTS),
  },
} as const satisfies Record<string, Variant>;

/** The names of the variants, the likely fastest first: tiles of 8 × 8 pixels are mostly empty on small images. */
export function variantNames(
  { software }: { software: boolean },
  { H, W }: Sizes,
): (keyof typeof variants)[] {
  return software || Math.max(H, W) <= TILE / 2 ? ["blocked-1x4", "tiled-8x8"] : ["tiled-8x8", "blocked-1x4"];
}

type Read = (name: string, i: number) => number;

/** Element `i` of y [N, H, W, C]; with `flip` the taps are reversed. */
export function outputElement(
  { H, W, C }: Sizes,
  { flip, bias }: { flip: boolean; bias: boolean },
): (i: number, read: Read) => number {
  return (i, read) => {
    const c = i % C,
      v = Math.floor(i / C) % W,
      h = Math.floor(i / (C * W)) % H,
      n = Math.floor(i / (C * W * H));
    let sum = bias ? read("bias", c) : 0;
    for (let tap = 0; tap < SIDE * SIDE; tap++) {
      const p = h + Math.floor(tap / SIDE) - 3, q = v + tap % SIDE - 3;
      if (p < 0 || p >= H || q < 0 || q >= W) continue;
      const k = flip ? SIDE * SIDE - 1 - tap : tap;
      sum += read("x", ((n * H + p) * W + q) * C + c) * read("k", k * C + c);
    }
    return sum;
  };
}

/** Element `i` of the weights' gradient [7, 7, 1, C]; `more`: it is added to what is there. */
export function weightElement(
  { N, H, W, C }: Sizes,
  { more }: { more: boolean },
): (i: number, read: Read) => number {
  return (i, read) => {
    const c = i % C, tap = Math.floor(i / C), r = Math.floor(tap / SIDE) - 3, s = tap % SIDE - 3;
    let sum = more ? read("dk", i) : 0;
    for (let n = 0; n < N; n++) {
      for (let h = Math.max(0, -r); h < Math.min(H, H - r); h++) {
        for (let v = Math.max(0, -s); v < Math.min(W, W - s); v++) {
          sum += read("x", ((n * H + h + r) * W + v + s) * C + c) * read("dy", ((n * H + h) * W + v) * C + c);
        }
      }
    }
    return sum;
  };
}
