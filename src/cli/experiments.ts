/**
 * Repeats the paper's experiments: `deno run -P=experiments src/cli/experiments.ts --quick`. `--help` explains it.
 *
 * @module
 */
import { experiments } from "../experiments/definitions/all.ts";
import { scales } from "../experiments/definitions/scales.ts";
import { parseExperimentOptions } from "./experiments_options.ts";
import { interruption } from "./interrupt.ts";
import { fromCaller } from "./paths.ts";
import { expectPermissions, needsOf } from "./permissions.ts";
import { runMain } from "./run_main.ts";
import { runExperiments } from "../experiments/experiments.ts";

async function main(args: string[]): Promise<number> {
  const asked = parseExperimentOptions(args, { experiments, scales: Object.values(scales) });
  if ("help" in asked) {
    console.log(asked.help);
    return 0;
  }
  const given = fromCaller(asked);
  await expectPermissions("experiments", needsOf("experiments", given));
  const interrupting = interruption("keeping what is done.");
  const { report, interrupted, failed } = await runExperiments(
    given,
    { experiments, scales },
    { signal: interrupting.signal, command: `./run experiments ${args.join(" ")}`.trimEnd() },
  );
  console.log(
    `The report is in ${report}${failed ? `; ${failed} runs failed and are retried next time` : ""}`,
  );
  if (interrupted) console.log("To continue: run the same command again.");
  return interrupted ? interrupting.exitCode : failed ? 2 : 0;
}

if (import.meta.main) await runMain(main);
