/**
 * Runs one op alone: traces it on tensors of given values, then runs it on a GPU. Outputs are NaN before, so that a
 * skipped tail shows.
 *
 * @module
 */
import type { Gpu } from "../../gpu/device.ts";
import { Memory, type Store } from "../../gpu/memory.ts";
import { Program } from "../../graph/program.ts";
import { Tape } from "../../graph/tape.ts";
import type { ChoosingProfile } from "../../graph/kernel_choice.ts";
import { originOf, sizeOf, type Tensor, tensorIn } from "../../graph/tensor.ts";
import { addInto } from "../../ops/add.ts";

/** Tensors by name. */
export type Tensors = Record<string, Tensor>;

/** Values by name. */
export type Values = Record<string, ArrayLike<number>>;

/** Results that were read back, by name. */
export type Results = Record<string, Float32Array>;

/** An op and how to call it. */
export interface Call {
  /** The shapes of its operands. */
  shapes: Record<string, readonly number[]>;
  /** Operands that are parameters: their gradients go to a store instead of the tape. */
  trained?: readonly string[];
  /** Operand that is bound as a uniform. */
  uniform?: string;
  training?: boolean;
  views?: number;
  /** Appends the op; returns its result unless that is an operand. */
  op(tape: Tape, tensors: Tensors): Tensor | void;
}

/** A traced op with the values of its operands. */
export interface TracedOp {
  tape: Tape;
  /** Tensors that can be read afterwards, by name. */
  results: Tensors;
  /** Content to write before. */
  contents: { store: Store; data: Float32Array<ArrayBuffer> }[];
}

/** Offset of parameters in their stores in bytes: 32 texels before the second row of a texture copy. */
const PARAMETER_OFFSET = 62 * 256;

/** A tape for ops. */
export function newOpTape(target: ChoosingProfile, { training = true, views = 1 }: Partial<Call> = {}): Tape {
  return new Tape(target, { training, views, add: addInto });
}

/**
 * Traces `call` for the machine `target`. Results are the operands, the op's result as `y`, and with a cotangent `dy` the
 * gradient of operand `x` as `dx`. Operands without a value start as NaN.
 */
export function traceOp(
  call: Call,
  { values, dy, target }: { values: Values; dy?: ArrayLike<number>; target: ChoosingProfile },
): TracedOp {
  const tape = newOpTape(target, call), contents: TracedOp["contents"] = [], results: Tensors = {};
  const give = (
    name: string,
    { shape, content, gradient, offset = 0 }: {
      shape: readonly number[];
      content?: ArrayLike<number>;
      gradient?: Tensor;
      offset?: number;
    },
  ) => {
    const data = new Float32Array(offset / 4 + sizeOf(shape)).fill(NaN);
    if (content) data.set(content, offset / 4);
    const bytes = data.byteLength;
    const store: Store = { name, category: "input", bytes, uniform: name === call.uniform };
    contents.push({ store, data });
    return tensorIn(store, { shape, gradient, offset });
  };
  for (const [name, shape] of Object.entries(call.shapes)) {
    const offset = call.trained?.includes(name) ? PARAMETER_OFFSET : 0;
    const gradient = offset ? give(`d${name}`, { shape, offset }) : undefined;
    results[name] = give(name, { shape, content: values[name], gradient, offset });
    if (gradient) results[`d${name}`] = gradient;
  }
  const y = call.op(tape, results);
  if (y) results.y = y;
  if (y && dy) {
    tape.accumulate(y, give("dy", { shape: y.shape, content: dy }));
    tape.backward();
  }
  for (const name of Object.keys(call.shapes)) {
    const gradient = tape.gradientOf(results[name]);
    if (gradient) results[`d${name}`] = gradient;
  }
  return { tape, results, contents };
}

/** Runs a traced op; returns its results, and its largest binding. Waits for the GPU. */
export async function runTraced(
  gpu: Gpu,
  { tape, results, contents }: TracedOp,
): Promise<{ values: Results; largest: Program["plan"]["largest"] }> {
  using memory = new Memory(gpu);
  for (const { store, data } of contents) memory.write(store, data);
  using program = new Program(memory, { dispatches: tape.dispatches, keep: Object.values(results) });
  for (const store of program.plan.stores) {
    if (store.category === "activations") memory.write(store, new Float32Array(store.bytes / 4).fill(NaN));
  }
  for (const store of program.plan.textures) {
    const texture = memory.texture(store), { width, height } = texture;
    const content = new Float32Array(4 * width * height).fill(NaN);
    gpu.device.queue.writeTexture({ texture }, content, { bytesPerRow: 16 * width }, [width, height]);
  }
  program.run();
  const read = async ([name, tensor]: [string, Tensor]) =>
    [name, await memory.read(originOf(tensor).region!)] as const;
  const values = Object.fromEntries(await Promise.all(Object.entries(results).map(read)));
  return { values, largest: program.plan.largest };
}
