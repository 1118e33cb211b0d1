/**
 * The kernels that the option `kernels` pins.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import type { Gpu } from "../gpu/device.ts";
import { describeMatrixUnits } from "../gpu/matrix_units.ts";
import { type KernelChooser, pinned } from "../graph/kernel_choice.ts";
import { implementation } from "../gpu/webgpu.ts";
import type { Precision } from "../nn/parameters.ts";
import { matrixTiles } from "../ops/conv2d_matrix.ts";
import type { KernelSelection } from "./pretrain_options.ts";

/**
 * A chooser of the family that `kernels` pins; undefined if it pins none.
 *
 * @throws {UserError} if the adapter cannot run that family.
 */
export function pinnedChooser(
  { kernels = "auto", precision = "f32" }: { kernels?: KernelSelection; precision?: Precision },
  gpu: Pick<Gpu, "subgroupSize" | "matrixUnits" | "name"> | null,
): KernelChooser | undefined {
  if (kernels === "auto" || kernels === "default") return undefined;
  if (kernels === "subgroup8" && gpu?.subgroupSize !== 8) {
    throw new UserError(
      `Cannot use --kernels subgroup8 on ${
        gpu?.name ?? "an unknown adapter"
      }: subgroups must have 8 lanes, this ` +
        `adapter has ${gpu?.subgroupSize || "various sizes"}. Use auto, default, blocked or tiled.`,
    );
  }
  if (kernels === "matrix") expectMatrixUnits(gpu, precision);
  return pinned(kernels);
}

function expectMatrixUnits(gpu: Pick<Gpu, "matrixUnits" | "name"> | null, precision: Precision): void {
  const dawn = implementation() === "dawn";
  if (!gpu?.matrixUnits) {
    const why = dawn ? "it has no matrix units" : "Deno's own WebGPU does not know matrix units";
    throw new UserError(
      `Cannot use --kernels matrix on ${gpu?.name ?? "an unknown adapter"}: ${why}. Use ${
        dawn ? "" : "--webgpu dawn, or "
      }auto, default, blocked or tiled.`,
    );
  }
  if (matrixTiles(gpu.matrixUnits).length === 0) {
    throw new UserError(
      `Cannot use --kernels matrix on ${gpu.name}: there are no kernels for its matrix units, ` +
        `${describeMatrixUnits(gpu.matrixUnits)}. Use auto, default, blocked or tiled.`,
    );
  }
  if (precision !== "mixed") {
    throw new UserError(
      "Cannot use --kernels matrix: matrix units multiply float16 only. Add --precision mixed.",
    );
  }
}
