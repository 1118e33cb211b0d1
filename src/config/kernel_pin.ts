/**
 * The kernels that `--kernels` pins.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { type Pick, pinned } from "../graph/kernel_choice.ts";
import type { TrainOptions } from "./train_defaults.ts";

/** The family of kernels that `--kernels` pins, if it does. Refuses one that the adapter cannot run. */
export function pinOf(
  { kernels = "auto" }: { kernels?: TrainOptions["kernels"] },
  gpu: { subgroupSize: number; name: string } | null,
): Pick | undefined {
  if (kernels === "auto" || kernels === "usual") return undefined;
  if (kernels === "subgroup8" && gpu?.subgroupSize !== 8) {
    throw new UserError(
      `Cannot use --kernels subgroup8 on ${gpu?.name ?? "any adapter"} as its subgroups must have 8 lanes: ` +
        `${gpu?.subgroupSize || "various sizes"} were found. Use auto, usual, blocked or tiled.`,
    );
  }
  return pinned(kernels);
}
