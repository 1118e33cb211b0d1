/**
 * Trains an image encoder without labels, by BYOL: `deno run -A train.ts --data ./photos`. `--help` explains it.
 *
 * @module
 */
import { parseTrainOptions } from "./src/cli/train_options.ts";
import { exitCode, MachineError, messageOf, UserError } from "./src/errors.ts";
import { planOf, pretrain } from "./src/pretrain.ts";

/** The exit code of a process that SIGINT ended. */
const INTERRUPTED = 130;

async function main(args: string[]): Promise<number> {
  const parsed = parseTrainOptions(args);
  if ("help" in parsed) {
    console.log(parsed.help);
    return 0;
  }
  if (parsed.plan) {
    console.log(await planOf(parsed.given));
    return 0;
  }
  const interrupt = new AbortController();
  Deno.addSignalListener("SIGINT", () => {
    if (interrupt.signal.aborted) Deno.exit(INTERRUPTED);
    console.log("Interrupted: finishing the step and writing a checkpoint. Interrupt again to stop at once.");
    interrupt.abort();
  });
  const { out, step, total, summary } = await pretrain(parsed.given, {
    resume: parsed.resume,
    signal: interrupt.signal,
  });
  if (summary) return 0;
  console.log(`Stopped after step ${step} of ${total}. To go on: add --resume --out ${out}`);
  return INTERRUPTED;
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    const known = error instanceof UserError || error instanceof MachineError;
    console.error(known ? `error: ${messageOf(error)}` : error);
    Deno.exit(exitCode(error));
  }
}
