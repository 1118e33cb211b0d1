/**
 * What an adapter must get right, one thing at a time.
 *
 * @module
 */
import type { Gpu } from "../../gpu/device.ts";
import type { Dispatch } from "../../graph/dispatch_list.ts";
import type { Target } from "../../graph/kernel_choice.ts";
import { sizeOf } from "../../graph/tensor.ts";
import { differenceOf, type Tolerance } from "../../reference/compare.ts";
import { dot, sampleGradient } from "../../reference/gradient_samples.ts";
import { hashSigned } from "../../reference/hash.ts";
import { type Call, type Results, runTraced, traceOp, type Values } from "./op_run.ts";

/** Work for the GPU whose result is known. */
export interface Check {
  /** What is computed, in words. */
  readonly what: string;
  /** What it comes down to. */
  readonly dispatches: readonly Dispatch[];
  /** Of a convolution's product: which of the ways it is made in. */
  readonly way?: string;
  /** True if results are only compared with each other, which shows no kernel to be right. */
  readonly relative?: boolean;
  /** Resolves to what is wrong with the result, or null. */
  run(gpu: Gpu): Promise<string | null>;
}

/** A check of `call`: `compare` says what is wrong with its results. */
export function checkCall(
  what: string,
  { call, compare, way, ...given }: {
    call: Call;
    values: Values;
    dy?: ArrayLike<number>;
    target: Target;
    compare(actual: Results): string | null;
    way?: string;
  },
): Check {
  const traced = traceOp(call, given);
  return {
    what,
    way,
    dispatches: traced.tape.dispatches,
    run: async (gpu) => compare((await runTraced(gpu, traced)).values),
  };
}

/** The names of the kernels that take part. */
export function kernelsOf({ dispatches }: Pick<Check, "dispatches">): string[] {
  return [...new Set(dispatches.map(({ kernel }) => kernel.name))];
}

/** Compares results by name with what is expected of them; says what is wrong with the first that is. */
export function compareAll(
  expected: Readonly<Record<string, ArrayLike<number>>>,
  tolerance: Tolerance | Readonly<Record<string, Tolerance>>,
): (actual: Results) => string | null {
  const of = (name: string) => (tolerance as Record<string, Tolerance>)[name] ?? tolerance as Tolerance;
  return (actual) => {
    for (const [name, values] of Object.entries(expected)) {
      const difference = differenceOf(name, { actual: actual[name], expected: values }, of(name));
      if (difference) return difference;
    }
    return null;
  };
}

/** An op with a naive version in float64. */
export interface Referenced extends Call {
  /** The result. */
  reference(values: Values): ArrayLike<number>;
  /** The absolute error allowed for `y`, and for the gradient `dx` of each operand that has one. */
  tolerance: Record<string, number>;
  /** Operands that are not to be random in [−1, 1). */
  values?: Values;
}

/**
 * What is expected of an op, called `name`: its values, a cotangent, and what compares the results with the reference, and
 * the gradients with its finite differences.
 */
export function expectationOf(
  name: string,
  { shapes, reference, tolerance, values: given }: Referenced,
): { values: Values; dy: Float32Array; compare(actual: Results, where?: string): string | null } {
  const values = { ...given };
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
  const compare = (actual: Results, where = "") => {
    const wrong = differenceOf(`y ${where}`, { actual: actual.y, expected }, { absolute: tolerance.y });
    return gradients.reduce(
      (wrong, key, i) => wrong ?? samples[i](`${key} ${where}`, actual[key], { absolute: tolerance[key] }),
      wrong,
    );
  };
  return { values, dy, compare };
}

/** Checks of an op against its reference: by itself, so that it is known who is to blame, then with its gradients. */
export function checksOfReferenced(name: string, op: Referenced, target: Target): Check[] {
  const { values, dy, compare } = expectationOf(name, op), { y } = op.tolerance;
  const forward = compareAll({ y: op.reference(values) }, { absolute: y });
  const alone = checkCall(name, { call: op, target, values, compare: forward });
  if (Object.keys(op.tolerance).length === 1) return [alone];
  return [alone, checkCall(`${name}, with gradients`, { call: op, target, values, dy, compare })];
}
