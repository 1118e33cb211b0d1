/**
 * Checks of what an adapter computes.
 *
 * @module
 */
import type { Gpu } from "../../gpu/device.ts";
import type { Dispatch } from "../../graph/dispatch_list.ts";
import type { ChoosingProfile } from "../../graph/kernel_choice.ts";
import { sizeOf } from "../../graph/tensor.ts";
import { differenceOf, type Tolerance, withHalfRounding } from "../../reference/compare.ts";
import { dot, sampleGradient } from "../../reference/gradient_samples.ts";
import { hashSigned } from "../../reference/hash.ts";
import { type Call, type Results, runTraced, traceOp, type Values } from "./op_run.ts";

/** Work for the GPU with a known result. */
export interface Check {
  /** What is computed. */
  readonly what: string;
  /** Its dispatches. */
  readonly dispatches: readonly Dispatch[];
  /** For a product of a convolution: the variant that computes it. */
  readonly variant?: string;
  /** True if results are only compared with each other, which does not prove any kernel correct. */
  readonly relative?: boolean;
  /** Resolves to what is wrong with the result; null if it is correct. */
  run(gpu: Gpu): Promise<string | null>;
}

/** A check of `call`; `compare` returns what is wrong with its results. */
export function checkCall(
  what: string,
  { call, compare, variant, ...given }: {
    call: Call;
    values: Values;
    dy?: ArrayLike<number>;
    target: ChoosingProfile;
    compare(actual: Results): string | null;
    variant?: string;
  },
): Check {
  const traced = traceOp(call, given);
  return {
    what,
    variant,
    dispatches: traced.tape.dispatches,
    run: async (gpu) => compare((await runTraced(gpu, traced)).values),
  };
}

/** The names of the kernels that a check uses. */
export function kernelsOf({ dispatches }: Pick<Check, "dispatches">): string[] {
  return [...new Set(dispatches.map(({ kernel }) => kernel.name))];
}

/** Compares results with the expected ones by name; returns the first difference. */
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

/** An op with a naive reference in float64. */
export interface Referenced extends Call {
  /** The expected result. */
  reference(values: Values): ArrayLike<number>;
  /** Allowed absolute error of `y`, and of the gradient `dx` of each operand that has one. */
  tolerance: Record<string, number>;
  /** Values of operands that are not random in [−1, 1). */
  values?: Values;
}

/** The results that are float16: y, and the gradients of activations, if these are. */
function halfResults({ halves = [], trained = [] }: Call): readonly string[] {
  const gradients = halves.filter((key) => !trained.includes(key)).map((key) => `d${key}`);
  return halves.length > 0 ? ["y", ...gradients] : [];
}

/** The float16 numbers nearest to `values`. */
export function roundedToHalf(values: ArrayLike<number>): Float32Array {
  return Float32Array.from(values, Math.f16round);
}

/**
 * Values and a cotangent for the op `name`, and a function that compares results with the reference, and gradients with
 * its finite differences. What is float16 is rounded first, and results may be off by their own rounding.
 */
export function expectationOf(
  name: string,
  op: Referenced,
): { values: Values; dy: Float32Array; compare(actual: Results, where?: string): string | null } {
  const { shapes, reference, tolerance, values: given, halves = [] } = op, stored = halfResults(op);
  const values = { ...given };
  for (const [key, shape] of Object.entries(shapes)) {
    values[key] ??= hashSigned(`${name}.${key}`, sizeOf(shape));
    if (halves.includes(key)) values[key] = roundedToHalf(values[key]);
  }
  const expected = reference(values), random = hashSigned(`${name}.dy`, expected.length);
  const dy = stored.includes("y") ? roundedToHalf(random) : random;
  const gradients = Object.keys(tolerance).filter((key) => key !== "y");
  const samples = gradients.map((key) => {
    const operand = key.slice(1);
    return sampleGradient(`${name}.${key}`, {
      at: values[operand],
      f: (moved) => dot(dy, reference({ ...values, [operand]: moved })),
    });
  });
  const allowed = (key: string) =>
    stored.includes(key) ? withHalfRounding({ absolute: tolerance[key] }) : { absolute: tolerance[key] };
  const compare = (actual: Results, where = "") => {
    const wrong = differenceOf(`y ${where}`, { actual: actual.y, expected }, allowed("y"));
    return gradients.reduce(
      (wrong, key, i) => wrong ?? samples[i](`${key} ${where}`, actual[key], allowed(key)),
      wrong,
    );
  };
  return { values, dy, compare };
}

/** Checks of an op against its reference: alone, so that a failure names its kernel, then with its gradients. */
export function checksOfReferenced(name: string, op: Referenced, target: ChoosingProfile): Check[] {
  const { values, dy, compare } = expectationOf(name, op), absolute = op.tolerance.y;
  const tolerance = halfResults(op).includes("y") ? withHalfRounding({ absolute }) : { absolute };
  const forward = compareAll({ y: op.reference(values) }, tolerance);
  const alone = checkCall(name, { call: op, target, values, compare: forward });
  if (Object.keys(op.tolerance).length === 1) return [alone];
  return [alone, checkCall(`${name}, with gradients`, { call: op, target, values, dy, compare })];
}
