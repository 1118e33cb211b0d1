/**
 * What a trace knows about the device it is made for.
 *
 * @module
 */

import type { MatrixUnits } from "../gpu/matrix_units.ts";

/** The device that kernels are chosen for. */
export interface DeviceProfile {
  /** The adapter's one subgroup size, or 0. */
  readonly subgroupSize: number;
  /** Whether the adapter computes on the CPU. */
  readonly software: boolean;
  /** The adapter's matrix units, if it has any. */
  readonly matrixUnits?: MatrixUnits | null;
  /** False if kernels cannot have float16. */
  readonly halfPrecision?: boolean;
  /** Most workgroups per dimension of a grid. */
  readonly maxGrid: number;
  /** Most bytes of a tensor in one binding. */
  readonly maxBinding: number;
}
