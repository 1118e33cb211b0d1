/**
 * One op by itself: traced on tensors of given values, then run on a GPU. What the op must write is NaN before, so that a
 * skipped tail shows.
 *
 * @module
 */
import type { Gpu } from "../../gpu/device.ts";
import { Memory, type Store } from "../../gpu/memory.ts";
import { Program } from "../../graph/program.ts";
import { Tape } from "../../graph/tape.ts";
import type { Target } from "../../graph/kernel_choice.ts";
import { originOf, sizeOf, type Tensor, tensorIn } from "../../graph/tensor.ts";
import { addInto } from "../../ops/add.ts";

/** Tensors by name. */
export type Tensors = Record<string, Tensor>;

/** Values by name. */
export type Values = Record<string, ArrayLike<number>>;

/** What was read back, by name. */
export type Results = Record<string, Float32Array>;

/** An op and how to call it. */
export interface Call {
  /** The shapes of its operands. */
  shapes: Record<string, readonly number[]>;
  /** The operands that are parameters: their gradients go to a store instead of onto the tape. */
  trained?: readonly string[];
  /** The operand that is bound as a uniform, if any. */
  uniform?: string;
  training?: boolean;
  views?: number;
  /** Appends the op and returns its result, if that is not an operand. */
  op(tape: Tape, tensors: Tensors): Tensor | void;
}

/** A traced op with the values of its operands. */
export interface TracedOp {
  tape: Tape;
  /** What can be read afterwards, by name. */
  results: Tensors;
  /** What is written before. */
  contents: { store: Store; data: Float32Array<ArrayBuffer> }[];
}

/** Where parameters lie in their stores: in bytes, 32 texels before the second row of a texture copy. */
const PARAMETER_OFFSET = 62 * 256;

/** A tape as the ops get it. */
export function newOpTape(target: Target, { training = true, views = 1 }: Partial<Call> = {}): Tape {
  return new Tape(target, { training, views, add: addInto });
}

/**
 * Traces `call` for the machine `target`. The results are the operands, the op's result as `y`, and with a cotangent `dy`
 * the gradient of operand `x` as `dx`. An operand without a value begins as NaN.
 */
export function traceOp(
  call: Call,
  { values, dy, target }: { values: Values; dy?: ArrayLike<number>; target: Target },
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

/** Runs a traced op, and reads its results and how much of it is bound at once. Waits for the GPU. */
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
