/**
 * A command on several ranks: how all of them end, and which of them says why.
 *
 * @module
 */
import { exitCode, messageOf } from "../base/errors.ts";
import { openWorld } from "../distributed/open_world.ts";
import { EndedError, isLost, type World } from "../distributed/world.ts";
import { expectedMessage, report } from "./run_main.ts";

/**
 * Runs `work` with the processes that an MPI launcher started, or alone. An error on one rank ends all of them, with its exit
 * code, and is printed once.
 *
 * @returns the exit code.
 */
export async function inWorld(work: (world: World) => Promise<number>): Promise<number> {
  const world = await openWorld();
  if (world.size === 1) return await work(world);
  try {
    const code = await work(world);
    await world.meet("the end"); // no rank exits while another still saves: launchers end all after the first
    await world.end();
    return code;
  } catch (error) {
    return await endBy(world, error);
  }
}

/** A launcher that is told to abort may drop what it has not read yet. */
const FLUSH_MS = 500;

/** Ends all ranks as `error` ended this one; returns the exit code. */
async function endBy(world: World, error: unknown): Promise<number> {
  if (isLost(error)) {
    report(error);
    await new Promise((resolve) => setTimeout(resolve, FLUSH_MS));
    world.abort(exitCode(error));
  }
  try {
    if (error instanceof EndedError) {
      const { rank, failure: { message, code } } = error;
      if (world.rank === 0) console.error(`error: rank ${rank} (${world.hosts[rank]}): ${message}`);
      await world.end();
      return code;
    }
    const code = exitCode(error), message = expectedMessage(error);
    if (world.rank === 0 || message === undefined) report(error);
    await world.leave({ message: message ?? messageOf(error), code });
    await world.end();
    return code;
  } catch (other) {
    report(other);
    world.abort(exitCode(other));
  }
}
