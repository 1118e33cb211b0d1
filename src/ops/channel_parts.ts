/**
 * Sums over the rows of each channel, in parts: many invocations each take some rows, then the parts are joined.
 *
 * @module
 */
import momentsCode from "../../kernels/batch_norm_partials.wgsl" with { type: "text" };
import momentsTextureCode from "../../kernels/batch_norm_partials_texture.wgsl" with { type: "text" };
import joinCode from "../../kernels/batch_norm_join.wgsl" with { type: "text" };
import type { Constants, Kernel } from "../gpu/kernel.ts";
import type { Tape } from "../graph/tape.ts";
import { sizeOf, type Tensor } from "../graph/tensor.ts";

/** Kernels over the activations take the parts `first` … `end` − 1 of the rows, and tensors bound from `row` on. */
export const sweepParams: Kernel["params"] = { M: "u32", C: "u32", first: "u32", end: "u32", row: "u32" };
/** The same, for kernels that write to one of `parts` parts, each of `length` rows. */
export const partParams: Kernel["params"] = { ...sweepParams, parts: "u32", length: "u32" };
/** Kernels over the parts themselves. */
export const groupParams: Kernel["params"] = { G: "u32", M: "u32", C: "u32", parts: "u32", length: "u32" };

/** Kernels that pass over the activations come twice: `buffer` for any adapter, `texture` where such loads are cheaper. */
export type Loads = "buffer" | "texture";

/** How kernels load activations on the tape's target: Mesa's software adapter, for which see `Access`, has subgroups of 8. */
export function loadsOn({ target: { software, subgroupSize } }: Tape): Loads {
  return software && subgroupSize === 8 ? "texture" : "buffer";
}

const momentsKernels: Record<Loads, Kernel> = {
  buffer: {
    name: "batch_norm_partials",
    code: momentsCode,
    bindings: { x: "read", partials: "read_write" },
    params: partParams,
  },
  texture: {
    name: "batch_norm_partials_texture",
    code: momentsTextureCode,
    bindings: { x: "texture", partials: "read_write" },
    params: partParams,
  },
};
const joinKernel: Kernel = {
  name: "batch_norm_join",
  code: joinCode,
  bindings: { partials: "read", joined: "read_write" },
  params: groupParams,
};

/** Rows of a part; parts that a joining invocation takes (FACTOR there); and parts that need no joining. */
const ROWS_PER_PART = 128, JOINED = 32, FEW = 64;

/** `G` groups (views) of `M` rows of `C` channels. */
export interface Rows {
  G: number;
  M: number;
  C: number;
}

/** Partial sums: `partials` [G, parts, 2, C], each part but the last of `length` rows. */
export interface Parts {
  partials: Tensor;
  parts: number;
  length: number;
}

/**
 * Appends `kernel` for all parts of `length` rows. The tensors of `over` are shaped [G·M, C] or alike, so one dispatch
 * may not be able to bind them whole.
 */
export function sweep(
  tape: Tape,
  kernel: Kernel,
  { rows: { G, M, C }, length, over, tensors, constants }: {
    rows: Rows;
    length: number;
    over: Record<string, Tensor>;
    tensors: Record<string, Tensor>;
    constants?: Constants;
  },
): void {
  const parts = Math.ceil(M / length);
  const shaped = Object.entries(over).map(([name, tensor]) => [name, tape.reshape(tensor, [G * M, C])]);
  const pieces = tape.pieces(Object.fromEntries(shaped) as typeof over, {
    count: G * parts,
    begin: (part) => Math.floor(part / parts) * M + part % parts * length,
  });
  for (const { tensors: slices, first, end, row } of pieces) {
    tape.dispatch(kernel, {
      tensors: { ...tensors, ...slices },
      params: { G, M, C, parts, length, first, end, row },
      grid: tape.grid(Math.ceil((end - first) * C / 4 / 64)),
      constants,
    });
  }
}

/**
 * Two sums over the rows by channel, in few parts.
 *
 * @param kernel Writes [G, parts, 2, C] `partials` of the tensors of `over`. `moments`: whether these are means and sums
 * of squared deviations rather than sums.
 */
export function channelSums(
  tape: Tape,
  kernel: Kernel,
  { rows, name, moments, over, tensors = {}, constants }: {
    rows: Rows;
    name: string;
    moments: boolean;
    over: Record<string, Tensor>;
    tensors?: Record<string, Tensor>;
    constants?: Constants;
  },
): Parts {
  const { G, M, C } = rows;
  let length = ROWS_PER_PART, parts = Math.ceil(M / length);
  let partials = tape.tensor(name, [G, parts, 2, C]);
  sweep(tape, kernel, { rows, length, over, tensors: { ...tensors, partials }, constants });
  while (parts > FEW) {
    const fewer = Math.ceil(parts / JOINED), joined = tape.tensor(`${name}, joined`, [G, fewer, 2, C]);
    tape.dispatch(joinKernel, {
      tensors: { partials, joined },
      params: { ...rows, parts, length },
      grid: tape.grid(Math.ceil(sizeOf(joined.shape) / 8 / 64)),
      constants: { MOMENTS: Number(moments) },
    });
    partials = joined;
    parts = fewer;
    length *= JOINED;
  }
  return { partials, parts, length };
}

/** The mean and the sum of squared deviations of each channel of x. */
export function channelMoments(
  tape: Tape,
  { rows, x, name }: { rows: Rows; x: Tensor; name: string },
): Parts {
  return channelSums(tape, momentsKernels[loadsOn(tape)], { rows, name, moments: true, over: { x } });
}
