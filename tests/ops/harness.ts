/**
 * Runs one op on the GPU and holds it against a naive reference: its result element by element, its gradients
 * against finite differences of the reference in float64. What an op must write is NaN before, so that a skipped
 * tail shows.
 */
import { assert, assertClose } from "../assert.ts";
import { hashSigned, type OpsMetadata, readGolden } from "../golden/read.ts";
import { sharedGpu, targets } from "../gpu/shared.ts";
import { centralDifferences } from "../reference/finite_difference.ts";
import { Memory, type Store } from "../../src/gpu/memory.ts";
import { Program } from "../../src/graph/program.ts";
import { Tape } from "../../src/graph/tape.ts";
import type { Target } from "../../src/graph/target.ts";
import { originOf, sizeOf, type Tensor, tensorIn } from "../../src/graph/tensor.ts";
import { addInto } from "../../src/ops/add.ts";

/** Tensors by name. */
export type Tensors = Record<string, Tensor>;

/** Values by name. */
export type Values = Record<string, ArrayLike<number>>;

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
  /** The families of kernels to run it with, if not the usual ones. */
  families?: readonly string[];
  /** Appends the op and returns its result, if that is not an operand. */
  op(tape: Tape, tensors: Tensors): Tensor | void;
}

/** Where parameters lie in their stores: in bytes, 32 texels before the second row of a texture copy. */
const PARAMETER_OFFSET = 62 * 256;

const ANY_TARGET: Target = { subgroupSize: 0, software: false, maxGrid: 65535, maxBinding: 2 ** 27 };

/** A tape as the ops get it. */
export function newTape(target: Partial<Target>, { training = true, views = 1 }: Partial<Call> = {}): Tape {
  return new Tape({ ...ANY_TARGET, ...target }, { training, views, add: addInto });
}

/** A tensor that has a place but no memory: enough to trace an op. */
export function placed(name: string, shape: readonly number[], gradient?: Tensor): Tensor {
  const store: Store = { name, category: "input", bytes: sizeOf(shape) * 4 };
  return tensorIn(store, { shape, gradient });
}

/**
 * Runs `call` for the machine `target`. Returns the operands as they are afterwards, the result as `y`, and with a
 * cotangent `dy` the gradient of operand `x` as `dx`.
 */
export async function runOp(
  call: Call,
  { values, dy, target }: { values: Values; dy?: ArrayLike<number>; target: Partial<Target> },
): Promise<Record<string, Float32Array>> {
  using memory = new Memory(await sharedGpu());
  const tape = newTape(target, call);
  const give = (
    name: string,
    { shape, content, gradient, offset = 0 }: {
      shape: readonly number[];
      content: ArrayLike<number>;
      gradient?: Tensor;
      offset?: number;
    },
  ) => {
    const bytes = offset + sizeOf(shape) * 4;
    const store: Store = { name, category: "input", bytes, uniform: name === call.uniform };
    if (offset > 0) memory.write(store, new Float32Array(offset / 4).fill(NaN));
    memory.write(store, Float32Array.from(content), offset);
    return tensorIn(store, { shape, gradient, offset });
  };
  const results: Tensors = {};
  for (const [name, shape] of Object.entries(call.shapes)) {
    const offset = call.trained?.includes(name) ? PARAMETER_OFFSET : 0;
    const empty = new Float32Array(sizeOf(shape)).fill(NaN);
    const gradient = offset ? give(`d${name}`, { shape, content: empty, offset }) : undefined;
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
  using program = new Program(memory, { dispatches: tape.dispatches, keep: Object.values(results) });
  const { largest } = program.plan, { maxBinding } = tape.target;
  assert(
    largest.bytes <= maxBinding,
    `${largest.name} is bound with ${largest.bytes} of ${maxBinding} bytes`,
  );
  for (const store of program.plan.stores) {
    if (store.category === "activations") memory.write(store, new Float32Array(store.bytes / 4).fill(NaN));
  }
  for (const store of program.plan.textures) {
    const texture = memory.texture(store), { width, height } = texture;
    const content = new Float32Array(4 * width * height).fill(NaN);
    memory.gpu.device.queue.writeTexture({ texture }, content, { bytesPerRow: 16 * width }, [width, height]);
  }
  program.run();
  const read = async ([name, tensor]: [string, Tensor]) =>
    [name, await memory.read(originOf(tensor).region!)] as const;
  return Object.fromEntries(await Promise.all(Object.entries(results).map(read)));
}

/**
 * What float32 may lose, absolutely, on a sum of `n` products of values in [−1, 1): the partial sums grow like
 * √n / 3, each rounded to 2⁻²⁴ of itself, together .14 · 2⁻²⁴ · n; the largest error of many is five times that.
 */
export function sumError(n: number): number {
  return n * 2 ** -23;
}

/** What {@linkcode checkOp} compares. */
export interface Check extends Call {
  /** The result in float64. */
  reference(values: Values): ArrayLike<number>;
  /** The absolute error allowed for `y`, and for the gradient `dx` of each operand that has one. */
  tolerance: Record<string, number>;
  /** Operands that are not to be random in [−1, 1). */
  values?: Values;
  /** Workgroups per dimension of a grid, to need more than one dimension without large data. */
  maxGrid?: number;
  /**
   * Bytes of a binding: fewer than some tensor has. Then the values must also be those of the op in one piece, to the bit
   * but for those called `regrouped`, whose sums run over other parts.
   */
  maxBinding?: number;
  regrouped?: readonly string[];
}

/** Holds an op, called `name`, against its reference on each of the targets. */
export async function checkOp(name: string, check: Check): Promise<void> {
  const { shapes, reference, tolerance, maxGrid, maxBinding, regrouped = [], families } = check;
  const values = { ...check.values };
  for (const [key, shape] of Object.entries(shapes)) {
    values[key] ??= hashSigned(`${name}.${key}`, sizeOf(shape));
  }
  const expected = reference(values);
  const dy = hashSigned(`${name}.dy`, expected.length);
  const gradients = Object.keys(tolerance).filter((key) => key !== "y");
  const samples = gradients.map((key) => {
    const operand = key.slice(1);
    return sampleGradient(`${name}.${key}`, {
      at: values[operand],
      f: (moved) => dot(dy, reference({ ...values, [operand]: moved })),
    });
  });
  for (const target of await targets(families)) {
    const run = (limits: Partial<Target>) => runOp(check, { values, dy, target: { ...target, ...limits } });
    const actual = await run({ ...maxGrid && { maxGrid }, ...maxBinding && { maxBinding } });
    const where = `with ${target.family} kernels`;
    if (maxBinding) {
      const largest = Math.max(...Object.values(actual).map(({ byteLength }) => byteLength));
      assert(largest > maxBinding, `a binding of ${maxBinding} bytes holds all of the ${largest}`);
      for (const [key, values] of Object.entries(await run({ ...maxGrid && { maxGrid } }))) {
        // How many parts there are of a sum that is split depends on the size of a piece.
        const same = !regrouped.includes(key) && !target.family.endsWith("split");
        if (same) assertClose(`${key} in pieces, ${where}`, actual[key], values, {});
      }
    }
    assertClose(`y ${where}`, actual.y, expected, { absolute: tolerance.y });
    gradients.forEach((key, i) => samples[i](`${key} ${where}`, actual[key], { absolute: tolerance[key] }));
  }
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assert(a.length === b.length, `vectors of ${a.length} and ${b.length} elements`);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** Small enough not to cross the kinks of ReLUs and maxima, large enough for float64. */
const STEP = 1e-6;
const ELEMENTS = 8;

/**
 * Differentiates `f` at the first, the last and a few random elements, and in a random direction of ±1, in which every
 * element counts. Returns what compares a gradient with that.
 */
export function sampleGradient(
  tag: string,
  { f, at }: { f: (x: Float64Array) => number; at: ArrayLike<number> },
): (name: string, actual: Float32Array, tolerance: { absolute: number }) => void {
  const n = at.length;
  const drawn = Array.from(hashSigned(`${tag}.elements`, ELEMENTS), (u) => Math.floor((u + 1) / 2 * n));
  const elements = [...new Set([0, n - 1, ...drawn])];
  const derivatives = centralDifferences(f, at, { step: STEP, elements });
  const direction = hashSigned(`${tag}.direction`, n).map((u) => u < 0 ? -1 : 1);
  const along = ([t]: Float64Array) => f(Float64Array.from(at, (value, i) => value + t * direction[i]));
  const slope = centralDifferences(along, [0], { step: STEP });
  return (name, actual, { absolute }) => {
    assert(actual.length === n, `${name} has ${actual.length} elements, expected ${n}`);
    const found = elements.map((i) => actual[i]);
    assertClose(`${name} at elements ${elements}`, found, derivatives, { absolute });
    // Errors of n elements add up like √n.
    assertClose(`${name} along ±1`, [dot(actual, direction)], slope, { absolute: absolute * Math.sqrt(n) });
  };
}

const golden = await readGolden<OpsMetadata>("ops");

/** One case of the golden file: its sizes, its operands' values and what PyTorch computed from them. */
export interface GoldenCase {
  name: string;
  shapes: Record<string, number[]>;
  // deno-lint-ignore no-explicit-any -- each op has its own sizes
  sizes: any;
  values: Record<string, Float32Array>;
  dy: Float32Array;
  /** By name: `y`, `dx`, … */
  expected: Record<string, Float32Array>;
}

/** The cases of the golden file for `op`. */
export function goldenCases(op: string): GoldenCase[] {
  return golden.metadata.cases.filter((each) => each.op === op).map(({ name, operands, sizes }) => {
    const values: Record<string, Float32Array> = {}, expected: Record<string, Float32Array> = {};
    for (const [key, shape] of Object.entries(operands)) {
      values[key] = hashSigned(`${name}.${key}`, sizeOf(shape));
    }
    for (const [key, { data }] of golden.tensors) {
      if (key.startsWith(`${name}.`)) expected[key.slice(name.length + 1)] = data;
    }
    return {
      name,
      shapes: operands,
      sizes,
      values,
      dy: hashSigned(`${name}.dy`, expected.y?.length ?? 0),
      expected,
    };
  });
}

/** Holds `call` against everything that PyTorch computed for the case, within `absolute`. */
export async function checkGolden(
  { name, values, dy, expected }: Omit<GoldenCase, "shapes" | "sizes">,
  { absolute, ...call }: Call & { absolute: number },
): Promise<void> {
  for (const target of await targets(call.families)) {
    const actual = await runOp(call, { values, dy, target });
    for (const [key, data] of Object.entries(expected)) {
      assertClose(`${name}.${key} with ${target.family} kernels`, actual[key], data, { absolute });
    }
  }
}
