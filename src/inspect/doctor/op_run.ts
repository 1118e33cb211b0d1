/**
 * Runs one op alone: traces it on tensors of given values, then runs it on a GPU. Outputs are NaN before, so that a
 * skipped tail shows.
 *
 * @module
 */
import type { Gpu } from "../../gpu/device.ts";
import { ELEMENT_BYTES, type ElementType } from "../../gpu/kernel.ts";
import { Memory, type Store, texelBytes } from "../../gpu/memory.ts";
import { Program } from "../../graph/program.ts";
import { Tape } from "../../graph/tape.ts";
import type { ChoosingProfile } from "../../graph/kernel_choice.ts";
import { originOf, sizeOf, type Tensor, tensorIn, typeOf } from "../../graph/tensor.ts";
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
  /** Operands in float16; of parameters a copy that products read, while the parameter itself is NaN. */
  halves?: readonly string[];
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
  contents: { store: Store; data: Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer> }[];
}

/** Elements before parameters in their stores: 32 texels fewer than a row of a texture copy. */
const PARAMETER_AT = 62 * 64;
/** A word that is NaN in float32, and two of them in float16. */
export const NAN_WORD = 0xffffffff;

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
    { shape, content, gradient, half, type = "f32", at = 0 }: {
      shape: readonly number[];
      content?: ArrayLike<number>;
      gradient?: Tensor;
      half?: Tensor;
      type?: ElementType;
      at?: number;
    },
  ) => {
    const data = new (type === "f16" ? Float16Array : Float32Array)(at + sizeOf(shape)).fill(NaN);
    if (content) data.set(content, at);
    const store: Store = { name, category: "input", bytes: data.byteLength, uniform: name === call.uniform };
    // Dawn takes no Float16Array.
    contents.push({ store, data: data instanceof Float32Array ? data : new Uint8Array(data.buffer) });
    const offset = at * ELEMENT_BYTES[type];
    return { ...tensorIn(store, { shape, gradient, type, offset }), half };
  };
  for (const [name, shape] of Object.entries(call.shapes)) {
    const isTrained = call.trained?.includes(name), at = isTrained ? PARAMETER_AT : 0;
    const type = call.halves?.includes(name) ? "f16" : "f32", content = values[name];
    const gradient = isTrained ? give(`d${name}`, { shape, at }) : undefined;
    const half = isTrained && type === "f16" ? give(`${name} copy`, { shape, content, type, at }) : undefined;
    results[name] = give(name, half ? { shape, gradient, half, at } : { shape, content, gradient, type, at });
    if (gradient) results[`d${name}`] = gradient;
  }
  const y = call.op(tape, results);
  if (y) results.y = y;
  if (y && dy) {
    tape.accumulate(y, give("dy", { shape: y.shape, content: dy, type: y.type }));
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
    if (store.category === "activations") {
      memory.write(store, new Uint32Array(store.bytes / 4).fill(NAN_WORD));
    }
  }
  for (const store of program.plan.textures) {
    const texture = memory.texture(store),
      { width, height } = texture,
      bytesPerRow = width * texelBytes(store);
    const content = new Uint32Array(bytesPerRow / 4 * height).fill(NAN_WORD);
    gpu.device.queue.writeTexture({ texture }, content, { bytesPerRow }, [width, height]);
  }
  program.run();
  const read = async ([name, tensor]: [string, Tensor]) => [name, await elementsOf(memory, tensor)] as const;
  const values = Object.fromEntries(await Promise.all(Object.entries(results).map(read)));
  return { values, largest: program.plan.largest };
}

/** The elements of a tensor. Waits for the GPU. */
export async function elementsOf(memory: Memory, tensor: Tensor): Promise<Float32Array> {
  const origin = originOf(tensor), words = await memory.read(origin.region!);
  return typeOf(tensor) === "f32"
    ? words
    : new Float32Array(new Float16Array(words.buffer, 0, sizeOf(origin.shape)));
}
