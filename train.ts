/**
 * Trains an image encoder without labels, by BYOL: `deno run -P=train train.ts --data ./photos`. `--help` explains it.
 *
 * @module
 */
import { createDownloadProgress } from "./src/cli/download_progress.ts";
import { createLines } from "./src/base/progress.ts";
import { inWorld } from "./src/cli/in_world.ts";
import { interruption } from "./src/cli/interrupt.ts";
import { fromCaller } from "./src/cli/paths.ts";
import { expectPermissions, needsOf } from "./src/cli/permissions.ts";
import { createProgress } from "./src/cli/progress.ts";
import { runMain } from "./src/cli/run_main.ts";
import { parseTrainOptions, type TrainArguments } from "./src/cli/train_options.ts";
import type { World } from "./src/distributed/world.ts";
import { formatPlan } from "./src/inspect/format_plan.ts";
import { formatProfile } from "./src/inspect/format_profile.ts";
import { planOf, rankPlanOf } from "./src/inspect/plan.ts";
import { profileOf } from "./src/inspect/profile.ts";
import { ABORTED, unlessAborted } from "./src/run/abort.ts";
import { findRun } from "./src/run/find_run.ts";
import { pretrain } from "./src/run/pretrain.ts";
import { resume } from "./src/run/resume.ts";

async function main(args: string[]): Promise<number> {
  return await inWorld((world) => command(args, world));
}

/** Does what the arguments say; returns the exit code. Of several processes only the first prints. */
async function command(args: string[], world: World): Promise<number> {
  const parsed = parseTrainOptions(args);
  if ("help" in parsed) {
    if (world.rank === 0) console.log(parsed.help);
    return 0;
  }
  const given = fromCaller(parsed.given);
  await expectPermissions("train", needsOf("train", { ...given, resume: parsed.resume }));
  if (!parsed.plan && !parsed.profile) return await train({ ...parsed, given }, world);
  await world.first("the plan or the profile", async () => {
    if (parsed.profile) return console.log(formatProfile(await profileOf(given)));
    console.log(formatPlan(await planOf(given)));
    if (parsed.planned) console.log(await rankPlanOf(given, parsed.planned));
  });
  return 0;
}

/** Starts or continues a run; returns the exit code. */
async function train({ given, ...asked }: TrainArguments, world: World): Promise<number> {
  const isFirst = world.rank === 0, print = isFirst ? console.log : () => {};
  const interrupted = interruption("finishing the current step and saving it.", print),
    { signal } = interrupted;
  // What ranks do together goes on until they agree to stop; an error after a signal is an error.
  const ending = world.size > 1 ? undefined : signal;
  using download = isFirst ? createDownloadProgress() : null;
  // A launcher gives each rank a terminal without columns: no bar.
  const progress = world.size > 1 ? createLines : createProgress;
  const options = { ...given, signal, onDownload: download?.onDownload, progress };
  const { out: _, ...others } = options;
  const folder = asked.resume
    ? await unlessAborted(
      ending,
      () => world.first("the run to resume", () => findRun(given, { signal: ending })),
    )
    : null;
  if (folder === ABORTED) return interrupted.exitCode;
  const result = await unlessAborted(
    ending,
    () =>
      folder !== null
        ? resume(folder, { ...others, allowChangedData: asked.allowChangedData }, { world })
        : pretrain(options, { world }),
  );
  if (result === ABORTED) {
    print("Stopped before the first step. What was downloaded is kept.");
    return interrupted.exitCode;
  }
  const { out, step, total, summary } = result;
  if (summary) {
    if (asked.resume && step === total) print(`The run in ${out} is complete.`);
    return 0;
  }
  print(
    step === 0
      ? "Stopped before the first step: there is nothing to resume."
      : `Stopped after step ${step} of ${total}. To continue: add --resume --out ${out}`,
  );
  return interrupted.exitCode;
}

if (import.meta.main) await runMain(main);
