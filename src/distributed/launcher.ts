/**
 * Whether a launcher of MPI started this process, and as one of how many.
 *
 * @module
 */
import { environmentVariable } from "../base/environment.ts";

/** Variables that say so: of PMIx (Open MPI 4 and 5, Slurm), of Open MPI, of MPICH and Intel MPI. */
const RANKS = ["PMIX_RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK"];
/** Variables with the number of processes. */
const SIZES = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"];

/** Whether there is a launcher: only then may MPI be started, which ends a process that has none. */
export function isLaunched(): boolean {
  return RANKS.some((name) => environmentVariable(name) !== undefined);
}

/** How many processes the launcher started; null if it does not say. */
export function launchedSize(): number | null {
  const text = SIZES.map(environmentVariable).find((value) => value !== undefined);
  return text === undefined ? null : Number(text);
}
