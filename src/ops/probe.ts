/**
 * Probes: kernels that only compute or only copy, to measure the peak rates of an adapter.
 *
 * @module
 */
import arithmeticCode from "../../kernels/probes/arithmetic.wgsl" with { type: "text" };
import copyCode from "../../kernels/probes/copy.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import type { Tape } from "../graph/tape.ts";
import { sizeOf, type Tensor } from "../graph/tensor.ts";

const arithmeticKernel: Kernel = {
  name: "probe_arithmetic",
  files: { "probes/arithmetic.wgsl": arithmeticCode },
  bindings: { out: "read_write" },
  params: { rounds: "u32", m: "f32", a: "f32" },
};
const copyKernel: Kernel = {
  name: "probe_copy",
  files: { ...wgsl.workgroup, "probes/copy.wgsl": copyCode },
  bindings: { source: "read", copied: "read_write" },
  params: { n: "u32" },
};

/** Multiply-adds of one invocation per round: 3 vectors of 4 numbers, 16 steps. */
const STEPS_OF_A_ROUND = 3 * 4 * 16;
/** x ← x · M + A converges to 1: neither to infinity nor to numbers so small that a CPU computes them slowly. */
const M = 0.75, A = 0.25;

/** `rounds` of multiply-adds in registers by each of the invocations that own a row of `out`, [64·n, 4]. */
export function probeArithmetic(tape: Tape, { out, rounds }: { out: Tensor; rounds: number }): void {
  const [invocations] = out.shape;
  tape.dispatch(arithmeticKernel, {
    tensors: { out },
    params: { rounds, m: M, a: A },
    grid: [invocations / 64, 1, 1],
    flops: 2 * STEPS_OF_A_ROUND * rounds * invocations,
  });
}

/** copied = source, of a size that is a multiple of 4. */
export function probeCopy(tape: Tape, { source, copied }: { source: Tensor; copied: Tensor }): void {
  const n = sizeOf(source.shape) / 4;
  tape.dispatch(copyKernel, {
    tensors: { source, copied },
    params: { n },
    grid: tape.grid(Math.ceil(n / 64)),
  });
}
