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
import { ALIASES, BINDINGS, geometryParams, type Product } from "./conv2d_geometry.ts";

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

/** Kernels of all three products that share units and tiles. */
export interface MatrixTiles {
  /** Such as "matrix-16x16x16-2x2": the units' product, and the workgroup's subgroups. */
  readonly name: string;
  readonly unit: MatrixUnit;
  readonly kernels: Readonly<Record<Product, Kernel>>;
  /** Rows and columns of the tile that a workgroup computes. */
  readonly rows: number;
  readonly columns: number;
  readonly tilesPerGroup: 1;
  readonly splits: true;
  /** The values of the kernels' constants, besides BIAS. */
  readonly constants: Constants;
}

/** Matrices that a subgroup computes, along rows and columns. */
const MATRICES = 4;
/** Terms that pass through workgroup memory at a time. */
export const STEP = 32;
/** A workgroup has at most so many invocations on every adapter. */
const INVOCATIONS = 256;

/** The tiles that an adapter with these units can compute; for each of the units those of {@linkcode GROUPS} in order. */
export function matrixTiles({ units, subgroupSize, workgroupMemory }: MatrixUnits): MatrixTiles[] {
  return units.flatMap((unit) =>
    GROUPS.flatMap((group) => {
      const shape = `${unit.m}x${unit.n}x${unit.k}`, part = UNITS[shape];
      const rows = group.rows * MATRICES * unit.m, columns = group.columns * MATRICES * unit.n;
      const subgroups = group.rows * group.columns, invocations = subgroups * subgroupSize;
      // An invocation always loads the same four of a line.
      const even = [rows, columns].every((length) => invocations % (length / 4) === 0);
      const fits = invocations <= INVOCATIONS &&
        workgroupBytes({ rows, columns, subgroups }, unit) <= workgroupMemory;
      if (!part || !even || !fits) return [];
      const name = `${shape}-${group.rows}x${group.columns}`;
      return [{
        name: `matrix-${name}`,
        unit,
        kernels: kernelsOf(name, { ...part, ...group.part }),
        rows,
        columns,
        tilesPerGroup: 1 as const,
        splits: true as const,
        constants: { SUBGROUP_SIZE: subgroupSize },
      }];
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

const known = new Map<string, Record<Product, Kernel>>();

/** The kernels with tiles of this name, which the parts define: always the same objects. */
function kernelsOf(name: string, parts: Files): Record<Product, Kernel> {
  const kernelOf = (product: Product, kernel: string): Kernel => ({
    name: `${kernel}_matrix_${name}`,
    files: {
      ...wgsl.workgroup,
      ...wgsl.conv2dParams,
      ...parts,
      ...wgsl.matrixUnits,
      ...wgsl.matrixTiles,
      ...PRODUCTS[product].parts,
      ...PRODUCTS[product].own,
    },
    bindings: BINDINGS[product],
    aliases: ALIASES[product],
    params: { ...geometryParams, parts: "u32" },
  });
  let kernels = known.get(name);
  if (!kernels) {
    kernels = {
      forward: kernelOf("forward", "conv2d"),
      backwardData: kernelOf("backwardData", "conv2d_backward_data"),
      backwardWeights: kernelOf("backwardWeights", "conv2d_backward_weights"),
    };
    known.set(name, kernels);
  }
  return kernels;
}
