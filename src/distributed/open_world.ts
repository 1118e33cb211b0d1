/**
 * The world of this process.
 *
 * @module
 */
import { isLaunched } from "./launcher.ts";
import { MpiWorld } from "./mpi_world.ts";
import { type World, worldOfOne } from "./world.ts";

/**
 * The processes that an MPI launcher (mpirun, srun --mpi=pmix) started with this one; without a launcher, this one alone: then
 * no library is opened and no permission is needed.
 *
 * @throws {MachineError} if there is a launcher and no MPI library.
 * @throws {UserError} if the launcher is not of the library that is found.
 */
export async function openWorld(): Promise<World> {
  if (!isLaunched()) return worldOfOne;
  const world = await MpiWorld.open();
  if (world.size > 1) return world;
  await world.end();
  return worldOfOne;
}
