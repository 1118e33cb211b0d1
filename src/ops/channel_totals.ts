/**
 * Sums over all rows by channel: the gradients of biases and scales.
 *
 * @module
 */
import code from "../../kernels/arithmetic/channel_sums.wgsl" with { type: "text" };
import type { Constants, Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import type { Tape } from "../graph/tape.ts";
import { sizeOf, type Tensor } from "../graph/tensor.ts";
import { backwardSumsKernel } from "./batch_norm_kernels.ts";
import { channelSums, finishing, partParams } from "./channel_parts.ts";

const sumsKernel: Kernel = {
  name: "channel_sums",
  files: { ...wgsl.workgroup, "arithmetic/channel_sums.wgsl": code },
  bindings: { x: "read", dy: "read", partials: "read_write" },
  aliases: { Stored: ["x", "dy"] },
  params: partParams,
};

/** Where the two sums of a kernel go, [C] each; without a place, a sum is dropped. */
export interface Totals {
  first?: Tensor | null;
  second?: Tensor | null;
}

/**
 * Appends both sums over the rows by channel.
 *
 * @param kernel Writes [parts, 2, C] `partials` of the tensors of `over`, each [N, …] with as many rows of channels as
 * `rows` says.
 */
export function channelTotals(
  tape: Tape,
  kernel: Kernel,
  { rows: { M, C }, name, over, constants, first, second }: Totals & {
    rows: { M: number; C: number };
    name: string;
    over: Record<string, Tensor>;
    constants?: Constants;
  },
): void {
  const rows = { G: 1, M, C };
  const { partials, ...sizes } = channelSums(tape, kernel, { rows, name, moments: false, over, constants });
  const dropped = () => tape.tensor(`${name}, dropped`, [C]);
  tape.dispatch(backwardSumsKernel, {
    tensors: {
      partials,
      sums: tape.tensor(`${name}, sums`, [1, 2, C]),
      dbeta: first ?? dropped(),
      dgamma: second ?? dropped(),
    },
    params: { ...rows, ...sizes },
    ...finishing(tape, C),
  });
}

/** first[c] = Σ dy[m,c], and with `x` second[c] = Σ dy[m,c] · x[m,c], over all rows m. dy and x [N, …, C]. */
export function sumChannels(
  tape: Tape,
  { dy, x, name, ...totals }: Totals & { dy: Tensor; x?: Tensor; name: string },
): void {
  const C = dy.shape[dy.shape.length - 1];
  channelTotals(tape, sumsKernel, {
    rows: { M: sizeOf(dy.shape) / C, C },
    name,
    over: { x: x ?? dy, dy },
    constants: { PRODUCT: Number(x !== undefined) },
    ...totals,
  });
}
