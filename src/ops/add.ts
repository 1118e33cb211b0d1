/**
 * The sum of two gradients of one tensor.
 *
 * @module
 */
import code from "../../kernels/arithmetic/add.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import type { Tape } from "../graph/tape.ts";
import { sizeOf, type Tensor } from "../graph/tensor.ts";

const kernel: Kernel = {
  name: "add",
  files: { ...wgsl.workgroup, "arithmetic/add.wgsl": code },
  bindings: { addend: "read", into: "read_write" },
  aliases: { Stored: ["addend", "into"] },
  params: { n: "u32" },
};

/** into[i] += from[i], in place; sizes are equal multiples of 4. */
export function addInto(tape: Tape, { into, from }: { into: Tensor; from: Tensor }): void {
  const quadruples = [sizeOf(into.shape) / 4, 4];
  for (
    const { tensors } of tape.pieces({
      into: tape.reshape(into, quadruples),
      addend: tape.reshape(from, quadruples),
    })
  ) {
    const n = sizeOf(tensors.into.shape);
    tape.dispatch(kernel, { tensors, params: { n }, grid: tape.grid(Math.ceil(n / 4 / 64)) });
  }
}
