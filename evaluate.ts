/**
 * Tells what an encoder is worth: `deno run -A evaluate.ts --run runs/photos-resnet18`. `--help` explains it.
 *
 * @module
 */
import { parseEvaluateOptions } from "./src/cli/evaluate_options.ts";
import { fromCaller } from "./src/cli/paths.ts";
import { exitCode, MachineError, messageOf, UserError } from "./src/errors.ts";
import { evaluate } from "./src/evaluate.ts";

async function main(args: string[]): Promise<void> {
  const parsed = parseEvaluateOptions(args);
  if ("help" in parsed) {
    console.log(parsed.help);
    return;
  }
  await evaluate(fromCaller(parsed));
}

if (import.meta.main) {
  try {
    await main(Deno.args);
    Deno.exit(0);
  } catch (error) {
    const known = error instanceof UserError || error instanceof MachineError;
    console.error(known ? `error: ${messageOf(error)}` : error);
    Deno.exit(exitCode(error));
  }
}
