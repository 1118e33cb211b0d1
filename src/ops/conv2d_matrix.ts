/**
 * The convolution's kernels for matrix units: f16 values, sums in f32.
 *
 * @module
 */
import backwardData from "../../kernels/conv2d/backward_data_matrix.wgsl" with { type: "text" };
import backwardWeights from "../../kernels/conv2d/backward_weights_matrix.wgsl" with { type: "text" };
import forward from "../../kernels/conv2d/forward_matrix.wgsl" with { type: "text" };
import type { Files } from "../gpu/compile_errors.ts";
import type { Constants, Kernel } from "../gpu/kernel.ts";
import type { MatrixUnit, MatrixUnits } from "../gpu/matrix_units.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import { geometryParams, type Product } from "./conv2d_geometry.ts";

/** The products for which there are kernels, by rows, columns and terms. Adapters may list others, which are not used. */
const UNITS: Readonly<Record<string, Files>> = {
  "16x16x16": wgsl.matrix16x16x16,
  "16x8x16": wgsl.matrix16x8x16,
  "16x8x8": wgsl.matrix16x8x8,
  "8x16x16": wgsl.matrix8x16x16,
  "8x8x16": wgsl.matrix8x8x16,
  "8x8x8": wgsl.matrix8x8x8,
};

/** Rows and columns of a workgroup's subgroups, with the part that says so. */
const GROUPS = [
  { rows: 2, columns: 2, part: wgsl.matrixGroups2x2 },
  { rows: 4, columns: 2, part: wgsl.matrixGroups4x2 },
  { rows: 2, columns: 1, part: wgsl.matrixGroups2x1 },
] as const;

/** What a kernel stores. */
export type Stored = "f16" | "f32";

/** Kernels that share units and tiles. */
export interface MatrixTiles {
  /** Such as "16x16x16-2x2": the units' product, and the workgroup's subgroups. */
  readonly name: string;
  /** Rows and columns of the tile that a workgroup computes. */
  readonly rows: number;
  readonly columns: number;
  /** The values of the kernels' constants, besides BIAS. */
  readonly constants: Constants;
  /** The kernel of a product; what it stores is the precision of its result. */
  kernel(product: Product, stored: Stored): Kernel;
}

/** Matrices that a subgroup computes, along rows and columns. */
const MATRICES = 4;
/** Terms that pass through workgroup memory at a time. */
const STEP = 32;
/** A workgroup has at most so many invocations on every adapter. */
const INVOCATIONS = 256;

/** The tiles that an adapter with these units can compute. */
export function matrixTiles({ units, subgroupSize, workgroupMemory }: MatrixUnits): MatrixTiles[] {
  return units.flatMap((unit) =>
    GROUPS.flatMap((group) => {
      const name = `${unit.m}x${unit.n}x${unit.k}`, part = UNITS[name];
      const rows = group.rows * MATRICES * unit.m, columns = group.columns * MATRICES * unit.n;
      const subgroups = group.rows * group.columns, invocations = subgroups * subgroupSize;
      // An invocation always loads the same four of a line.
      const even = [rows, columns].every((length) => invocations % (length / 4) === 0);
      const fits = invocations <= INVOCATIONS &&
        workgroupBytes({ rows, columns, subgroups }, unit) <= workgroupMemory;
      if (!part || !even || !fits) return [];
      return [tiles(`${name}-${group.rows}x${group.columns}`, {
        rows,
        columns,
        subgroupSize,
        parts: { ...part, ...group.part },
      })];
    })
  );
}

/** Bytes of workgroup memory that the kernels take at most, see kernels/parts/matrix_tiles.wgsl. */
function workgroupBytes(
  { rows, columns, subgroups }: { rows: number; columns: number; subgroups: number },
  { m, n }: MatrixUnit,
): number {
  const lines = (count: number, length: number) => 2 * count * (length + 8);
  const tile = (side: number) => Math.max(lines(side, STEP), lines(STEP, side));
  return tile(rows) + tile(columns) + 2 * 4 * subgroups * m * n;
}

const BINDINGS = {
  forward: { x: "read", w: "read", bias: "read", y: "read_write" },
  backwardData: { dy: "read", w: "read", dx: "read_write" },
  backwardWeights: { x: "read", dy: "read", dw: "read_write" },
} as const;

/** The kernels' own files, and their parts besides those of all. */
const PRODUCTS: Readonly<Record<Product, { parts: Files; own: Files }>> = {
  forward: {
    parts: { ...wgsl.conv2dTaps, ...wgsl.matrixADepth, ...wgsl.matrixBColumns },
    own: { "conv2d/forward_matrix.wgsl": forward },
  },
  backwardData: {
    parts: { ...wgsl.conv2dClassTaps, ...wgsl.matrixADepth, ...wgsl.matrixBDepth },
    own: { "conv2d/backward_data_matrix.wgsl": backwardData },
  },
  backwardWeights: {
    parts: { ...wgsl.conv2dPixels, ...wgsl.matrixARows, ...wgsl.matrixBColumns },
    own: { "conv2d/backward_weights_matrix.wgsl": backwardWeights },
  },
};

function tiles(
  name: string,
  { rows, columns, subgroupSize, parts }: {
    rows: number;
    columns: number;
    subgroupSize: number;
    parts: Files;
  },
): MatrixTiles {
  return {
    name,
    rows,
    columns,
    constants: { SUBGROUP_SIZE: subgroupSize },
    kernel: (product, stored) => ({
      name: `conv2d_${product}_matrix_${name}_${stored}`,
      files: {
        ...wgsl.workgroup,
        ...wgsl.conv2dParams,
        ...parts,
        ...stored === "f16" ? wgsl.storedF16 : wgsl.storedF32,
        ...wgsl.matrixTiles,
        ...PRODUCTS[product].parts,
        ...PRODUCTS[product].own,
      },
      bindings: BINDINGS[product],
      params: { ...geometryParams, parts: "u32" },
    }),
  };
}
