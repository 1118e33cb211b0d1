/**
 * Runs one op on the GPU and holds it against a naive reference: its result element by element, its gradients
 * against finite differences of the reference in float64.
 */
import { assert, assertClose, assertNone } from "../assert.ts";
import { hashSigned, type OpsMetadata, readGolden } from "../golden/read.ts";
import { sharedGpu, targets } from "../gpu/shared.ts";
import type { Store } from "../../src/gpu/memory.ts";
import type { Tape } from "../../src/graph/tape.ts";
import type { ChoosingProfile } from "../../src/graph/kernel_choice.ts";
import { sizeOf, type Tensor, tensorIn } from "../../src/graph/tensor.ts";
import { expectationOf, type Referenced } from "../../src/inspect/doctor/check.ts";
import {
  type Call as PlainCall,
  newOpTape,
  type Results,
  runTraced,
  traceOp,
  type Values,
} from "../../src/inspect/doctor/op_run.ts";

export { type Tensors, type Values } from "../../src/inspect/doctor/op_run.ts";
export { sumError } from "../../src/reference/compare.ts";
export { sampleGradient } from "../../src/reference/gradient_samples.ts";

/** An op, how to call it, and the families of kernels to run it with, if not the default ones. */
export interface Call extends PlainCall {
  families?: readonly string[];
}

const ANY_TARGET: ChoosingProfile = { subgroupSize: 0, software: false, maxGrid: 65535, maxBinding: 2 ** 27 };

/** A tape as the ops get it. */
export function newTape(target: Partial<ChoosingProfile>, call: Partial<Call> = {}): Tape {
  return newOpTape({ ...ANY_TARGET, ...target }, call);
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
  { target, ...given }: { values: Values; dy?: ArrayLike<number>; target: Partial<ChoosingProfile> },
): Promise<Results> {
  const traced = traceOp(call, { ...given, target: { ...ANY_TARGET, ...target } });
  const { values, largest } = await runTraced(await sharedGpu(), traced);
  const { maxBinding } = traced.tape.target;
  assert(
    largest.bytes <= maxBinding,
    `${largest.name} is bound with ${largest.bytes} of ${maxBinding} bytes`,
  );
  return values;
}

/** What {@linkcode checkOp} compares. */
export interface Check extends Call, Referenced {
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
  const { maxGrid, maxBinding, regrouped = [], families } = check;
  const { values, dy, compare } = expectationOf(name, check);
  for (const target of await targets(families)) {
    const run = (limits: Partial<ChoosingProfile>) =>
      runOp(check, { values, dy, target: { ...target, ...limits } });
    const actual = await run({ ...maxGrid && { maxGrid }, ...maxBinding && { maxBinding } });
    const where = `with ${target.family} kernels`;
    if (maxBinding) {
      const largest = Math.max(...Object.values(actual).map(({ byteLength }) => byteLength)) /
        (check.halves?.length ? 2 : 1);
      assert(largest > maxBinding, `a binding of ${maxBinding} bytes holds all of the ${largest}`);
      for (const [key, values] of Object.entries(await run({ ...maxGrid && { maxGrid } }))) {
        // How many parts there are of a sum that is split depends on the size of a piece.
        const same = !regrouped.includes(key) && !check.halves?.includes(key) &&
          !target.family.endsWith("split");
        if (same) assertClose(`${key} in pieces, ${where}`, actual[key], values, {});
      }
    }
    assertNone(compare(actual, where));
  }
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
