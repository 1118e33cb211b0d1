/**
 * Reads the files that make.py writes with PyTorch, and recomputes the tensors that it hashed instead of storing.
 *
 * @module
 */

import { join } from "node:path";
import { readSafetensors, type TensorEntry } from "../../src/io/safetensors.ts";

export { hashSigned, hashUniform } from "../../src/reference/hash.ts";
export { goldenViews, initialParameter, type StepMetadata } from "../../src/reference/torch_steps.ts";

/** The metadata of ops.safetensors. */
export interface OpsMetadata {
  cases: {
    /** The prefix of its tensors' names, such as `conv2d.0`. */
    name: string;
    op: string;
    /** The shape of each operand, whose values are `hashSigned("<name>.<operand>", …)`. */
    operands: Record<string, number[]>;
    /** The operands without a gradient. */
    constants: string[];
    // deno-lint-ignore no-explicit-any -- each op has its own sizes
    sizes: any;
  }[];
}

/** The file that ships with the product, for the doctor's training steps. */
const SHIPPED = "step_bottleneck_sgd", SHIPPED_FOLDER = "../../src/inspect/doctor";

/** Reads `<name>.safetensors` of this folder, or the shipped file. */
export async function readGolden<Metadata>(
  name: string,
): Promise<{ tensors: Map<string, TensorEntry>; metadata: Metadata }> {
  const folder = join(import.meta.dirname!, name === SHIPPED ? SHIPPED_FOLDER : ".");
  const { tensors, metadata } = await readSafetensors(join(folder, `${name}.safetensors`));
  const values = Object.entries(metadata).map(([key, value]) => [key, JSON.parse(value)]);
  return { tensors, metadata: Object.fromEntries(values) };
}
