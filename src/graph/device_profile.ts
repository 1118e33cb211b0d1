/**
 * What a trace may know of the machine that it is made for.
 *
 * @module
 */

/** The machine that kernels are chosen for. */
export interface DeviceProfile {
  /** The adapter's one subgroup size, or 0. */
  readonly subgroupSize: number;
  /** Whether the adapter computes on the CPU. */
  readonly software: boolean;
  /** Workgroups per dimension of a grid. */
  readonly maxGrid: number;
  /** Bytes of a tensor that a kernel may bind at once. */
  readonly maxBinding: number;
}
