/**
 * Tells what an encoder is worth: `deno run -P=evaluate src/cli/evaluate.ts --run runs/photos-resnet18`. `--help` explains it.
 *
 * @module
 */
import { parseEvaluateOptions } from "./evaluate_options.ts";
import { fromCaller } from "./paths.ts";
import { expectPermissions, needsOf } from "./permissions.ts";
import { runMain } from "./run_main.ts";
import { evaluate } from "../eval/protocol.ts";

async function main(args: string[]): Promise<void> {
  const parsed = parseEvaluateOptions(args);
  if ("help" in parsed) {
    console.log(parsed.help);
    return;
  }
  const given = fromCaller(parsed);
  await expectPermissions("evaluate", needsOf("evaluate", given));
  await evaluate(given);
}

if (import.meta.main) await runMain(main);
