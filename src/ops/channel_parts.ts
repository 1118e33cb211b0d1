/**
 * Sums over the rows of each channel, in parts: many invocations each sum some rows, then the parts are joined.
 *
 * @module
 */
import momentsCode from "../../kernels/batch_norm/moments.wgsl" with { type: "text" };
import joinCode from "../../kernels/batch_norm/join.wgsl" with { type: "text" };
import type { Constants, Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import type { Launch } from "../graph/dispatch_list.ts";
import type { Tape } from "../graph/tape.ts";
import { sizeOf, type Tensor } from "../graph/tensor.ts";

/** Parameters of kernels over activations: the parts `first` … `end` − 1 of the rows, of tensors bound from `row` on. */
export const sweepParams: Kernel["params"] = { M: "u32", C: "u32", first: "u32", end: "u32", row: "u32" };
/** The same for kernels that write to one of `parts` parts, each of `length` rows. */
export const partParams: Kernel["params"] = { ...sweepParams, parts: "u32", length: "u32" };
/** Parameters of kernels over the parts themselves. */
export const groupParams: Kernel["params"] = { G: "u32", M: "u32", C: "u32", parts: "u32", length: "u32" };

/** How kernels load activations: from buffers on any adapter, from textures where such loads are cheaper. */
export type Loads = "buffer" | "texture";

/** How kernels load activations on the tape's target: from textures on Mesa's software adapter, which has subgroups of 8. */
export function loadsOn({ target: { software, subgroupSize } }: Tape): Loads {
  return software && subgroupSize === 8 ? "texture" : "buffer";
}

const momentsKernels: Record<Loads, Kernel> = {
  buffer: {
    name: "batch_norm_partials",
    files: {
      ...wgsl.workgroup,
      ...wgsl.nan,
      ...wgsl.xBuffer,
      "batch_norm/moments.wgsl": momentsCode,
    },
    bindings: { x: "read", partials: "read_write" },
    aliases: { Stored: ["x"] },
    params: partParams,
  },
  texture: {
    name: "batch_norm_partials_texture",
    files: {
      ...wgsl.workgroup,
      ...wgsl.nan,
      ...wgsl.texel,
      ...wgsl.xTexture,
      "batch_norm/moments.wgsl": momentsCode,
    },
    bindings: { x: "texture", partials: "read_write" },
    params: partParams,
  },
};
const joinKernel: Kernel = {
  name: "batch_norm_join",
  files: { ...wgsl.workgroup, ...wgsl.moments, "batch_norm/join.wgsl": joinCode },
  bindings: { partials: "read", joined: "read_write" },
  params: groupParams,
};

/** The workgroup of a kernel over parts: LANES invocations for each of QUADS quadruples of channels. */
type Spread = { QUADS: number; LANES: number };

/** How sums over rows are spread over an adapter: the values to tune. */
interface Spreading {
  /** Most and fewest rows of a part, which one invocation sums. */
  rows: { most: number; fewest: number };
  /** Parts get fewer rows, as few as allowed, until so many invocations have work. */
  invocations: number;
  /** FACTOR parts are joined into one by {@linkcode joinKernel} … */
  join: Spread & { FACTOR: number };
  /** … until there are at most so many … */
  few: number;
  /** … for the kernels that take all of them. */
  finish: Spread;
}

/** A CPU runs few invocations at a time, and barriers are expensive: one invocation loops over a channel's parts. */
const SOFTWARE: Spreading = {
  rows: { most: 128, fewest: 128 },
  invocations: 0,
  join: { QUADS: 64, LANES: 1, FACTOR: 32 },
  few: 64,
  finish: { QUADS: 8, LANES: 1 },
};

/** A GPU needs some 100,000 invocations in flight, and few dependent loads: each takes about half a microsecond. */
const HARDWARE: Spreading = {
  rows: { most: 128, fewest: 16 },
  invocations: 2 ** 17,
  join: { QUADS: 4, LANES: 16, FACTOR: 64 },
  few: 256,
  finish: { QUADS: 1, LANES: 64 },
};

function spreadingOn({ target: { software } }: Tape): Spreading {
  return software ? SOFTWARE : HARDWARE;
}

/** Rows of a part. */
function rowsPerPart({ rows: { most, fewest }, invocations }: Spreading, { G, M, C }: Rows): number {
  let length = most;
  while (length > fewest && G * Math.ceil(M / length) * C / 4 < invocations) length /= 2;
  return length;
}

/** Grid and constants of a kernel that takes all parts of `C` channels. */
export function finishing(tape: Tape, C: number): Pick<Launch, "grid" | "constants"> {
  const { finish } = spreadingOn(tape);
  return { grid: tape.grid(Math.ceil(C / 4 / finish.QUADS)), constants: { ...finish } };
}

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
 * Appends `kernel` for all parts of `length` rows, in several dispatches where the tensors of `over`, [G·M, …] or reshaped,
 * are too large to bind.
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
  const shaped = Object.entries(over).map((
    [name, tensor],
  ) => [name, tape.reshape(tensor, [G * M, sizeOf(tensor.shape) / (G * M)])]);
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
 * of squared deviations instead of sums.
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
  const { G, M, C } = rows, spreading = spreadingOn(tape), { join, few } = spreading;
  let length = rowsPerPart(spreading, rows), parts = Math.ceil(M / length);
  let partials = tape.tensor(name, [G, parts, 2, C]);
  sweep(tape, kernel, { rows, length, over, tensors: { ...tensors, partials }, constants });
  while (parts > few) {
    const fewer = Math.ceil(parts / join.FACTOR), joined = tape.tensor(`${name}, joined`, [G, fewer, 2, C]);
    tape.dispatch(joinKernel, {
      tensors: { partials, joined },
      params: { ...rows, parts, length },
      grid: tape.grid(Math.ceil(sizeOf(joined.shape) / 8 / join.QUADS)),
      constants: { MOMENTS: Number(moments), ...join },
    });
    partials = joined;
    parts = fewer;
    length *= join.FACTOR;
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
