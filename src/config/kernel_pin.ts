/**
 * The kernels that the option `kernels` pins.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import type { MatrixUnits } from "../gpu/matrix_units.ts";
import { type KernelChooser, pinned } from "../graph/kernel_choice.ts";
import { implementation } from "../gpu/webgpu.ts";
import type { KernelSelection } from "./pretrain_options.ts";

/**
 * A chooser of the family that `kernels` pins; undefined if it pins none.
 *
 * @throws {UserError} if the adapter cannot run that family.
 */
export function pinnedChooser(
  { kernels = "auto" }: { kernels?: KernelSelection },
  gpu: { subgroupSize: number; matrixUnits: MatrixUnits | null; name: string } | null,
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
  if (kernels === "matrix" && !gpu?.matrixUnits) {
    throw new UserError(
      `Cannot use --kernels matrix on ${gpu?.name ?? "an unknown adapter"}: ${
        implementation() === "dawn" ? "it has no matrix units" : "Deno's own WebGPU does not know matrix units"
      }. Use ${implementation() === "dawn" ? "" : "--webgpu dawn, or "}auto, default, blocked or tiled.`,
    );
  }
  return pinned(kernels);
}
