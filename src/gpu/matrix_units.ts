/**
 * What an adapter says of its matrix units: hardware that multiplies small matrices, held by a subgroup together. WebGPU has no
 * such thing yet; Dawn has it as an experiment.
 *
 * @module
 */

/** A product that the units compute: m × k values of f16 by k × n, with sums in f32. */
export interface MatrixUnit {
  /** Rows of the result. */
  readonly m: number;
  /** Its columns. */
  readonly n: number;
  /** Terms of a sum. */
  readonly k: number;
}

/** The matrix units of an adapter. */
export interface MatrixUnits {
  /** The products that they compute. */
  readonly units: readonly MatrixUnit[];
  /** Invocations of a subgroup; the most if their number varies. */
  readonly subgroupSize: number;
  /** Bytes of workgroup memory. */
  readonly workgroupMemory: number;
}

/** The feature, which WebGPU's types do not know, and what kernels with it also need. */
const FEATURE = "chromium-experimental-subgroup-matrix" as GPUFeatureName;
const NEEDED: GPUFeatureName[] = ["shader-f16", "subgroups" as GPUFeatureName, FEATURE];

/** The directives that such a kernel begins with, besides that for f16. */
export const MATRIX_PRELUDE = "enable subgroups; enable chromium_experimental_subgroup_matrix; ";

/** A configuration as Dawn lists it. */
interface Configuration {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly componentType: string;
  readonly resultComponentType: string;
}

/** The feature that a device needs for its matrix units; none where WebGPU does not know them. */
export function matrixFeatures({ features }: GPUAdapter): GPUFeatureName[] {
  return NEEDED.every((name) => features.has(name)) ? [FEATURE] : [];
}

/** The matrix units of `adapter` for f16 with sums in f32; null if it has none. */
export function matrixUnitsOf({ info, limits }: GPUAdapter): MatrixUnits | null {
  const { subgroupMatrixConfigs = [] } = info as { subgroupMatrixConfigs?: Iterable<Configuration> };
  const units = [...subgroupMatrixConfigs]
    .filter(({ componentType, resultComponentType }) =>
      componentType === "f16" && resultComponentType === "f32"
    )
    .map(({ M, N, K }) => ({ m: M, n: N, k: K }));
  if (units.length === 0) return null;
  return {
    units,
    subgroupSize: info.subgroupMaxSize,
    workgroupMemory: limits.maxComputeWorkgroupStorageSize,
  };
}

/** `units` in words, such as "16 × 16 × 16, 16 × 8 × 16 (f16, sums in f32), subgroups of 32". */
export function describeMatrixUnits({ units, subgroupSize }: MatrixUnits): string {
  const shapes = units.map(({ m, n, k }) => `${m} × ${n} × ${k}`).join(", ");
  return `${shapes} (f16, sums in f32), subgroups of ${subgroupSize}`;
}
