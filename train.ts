/**
 * Trains an image encoder without labels, by BYOL: `deno run -P=train train.ts --data ./photos`. `--help` explains it.
 *
 * @module
 */
import { fromCaller } from "./src/cli/paths.ts";
import { parseTrainOptions } from "./src/cli/train_options.ts";
import { expectPermissions, needsOf } from "./src/cli/permissions.ts";
import { createProgress } from "./src/cli/progress.ts";
import { runMain } from "./src/cli/run_main.ts";
import { formatPlan } from "./src/inspect/format_plan.ts";
import { formatProfile } from "./src/inspect/format_profile.ts";
import { planOf } from "./src/inspect/plan.ts";
import { profileOf } from "./src/inspect/profile.ts";
import { pretrain } from "./src/run/pretrain.ts";

/** The exit code of a process that SIGINT ended. */
const INTERRUPTED = 130;

async function main(args: string[]): Promise<number> {
  const parsed = parseTrainOptions(args);
  if ("help" in parsed) {
    console.log(parsed.help);
    return 0;
  }
  const given = fromCaller(parsed.given);
  await expectPermissions("train", needsOf("train", { ...given, resume: parsed.resume }));
  if (parsed.plan) {
    console.log(formatPlan(await planOf(given)));
    return 0;
  }
  if (parsed.profile) {
    console.log(formatProfile(await profileOf(given)));
    return 0;
  }
  const interrupt = new AbortController();
  Deno.addSignalListener("SIGINT", () => {
    if (interrupt.signal.aborted) Deno.exit(INTERRUPTED);
    console.log(
      "Interrupted: finishing what is under way, and keeping what is done. Interrupt again to stop at once.",
    );
    interrupt.abort();
  });
  const { out, step, total, summary } = await pretrain(given, {
    resume: parsed.resume,
    allowChangedData: parsed.allowChangedData,
    signal: interrupt.signal,
    progress: createProgress,
  });
  if (summary) {
    if (parsed.resume && step === total) console.log(`The run in ${out} is complete.`);
    return 0;
  }
  console.log(
    step === 0
      ? "Stopped before the first step: there is nothing to go on with."
      : `Stopped after step ${step} of ${total}. To go on: add --resume --out ${out}`,
  );
  return INTERRUPTED;
}

if (import.meta.main) await runMain(main);
