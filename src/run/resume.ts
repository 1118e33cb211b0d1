/**
 * Continuing a run that was interrupted.
 *
 * @module
 */
import type { ResumeOptions } from "../config/pretrain_options.ts";
import { type World, worldOfOne } from "../distributed/world.ts";
import { execute } from "./execute.ts";
import { lockFolder } from "../io/folder_lock.ts";
import type { PretrainResult } from "./result.ts";
import { openOnFirst } from "./ranks.ts";
import { resumedRun } from "./resumed_run.ts";
import { readConfig } from "./run_config.ts";

/**
 * Continues the run in `folder` from its last checkpoint; its files become those of an uninterrupted run, byte for byte.
 *
 * @param options Callbacks, and options that no weight depends on, such as `workers` or `logEvery`. Others may be given
 * only as the run has them. A run on a source of a program needs that `data` again.
 * @param ranks `world`: the processes that train together, as for `pretrain()`; their number may be another than before.
 * @throws {UserError} if there is no run in the folder, an option differs that must not, the data has changed, or
 * another process writes to the folder.
 * @throws {CollapseError} as `pretrain()`.
 * @throws {MachineError} as `pretrain()`.
 *
 * @example Stop after the first record, and go on
 * ```ts
 * import { pretrain } from "./pretrain.ts";
 * import { resume } from "./resume.ts";
 *
 * const out = await Deno.makeTempDir(), stop = new AbortController(), log = () => {};
 * const options = { data: "shapes:64", holdout: 0, batch: 16, steps: 4, logEvery: 1, out, log };
 * const { step } = await pretrain({ ...options, signal: stop.signal, onStep: () => stop.abort() });
 * const { summary } = await resume(out, { log });
 * console.log(`${step} of 4 steps, then all:`, summary?.finalLoss);
 * ```
 */
export async function resume(
  folder: string,
  options: ResumeOptions = {},
  { world = worldOfOne }: { world?: World } = {},
): Promise<PretrainResult> {
  const { allowChangedData, ...given } = options;
  await using opened = await openOnFirst(world, given, async () => {
    await readConfig(folder); // or a folder without a run would get a lock
    await using stack = new AsyncDisposableStack();
    stack.use(await lockFolder(folder));
    return { run: await resumedRun(folder, given), lock: stack.move() };
  });
  return await execute(opened.run, { data: given.data, allowChangedData, callbacks: given, world });
}
