/** How a command line ends: its exit code, and what it says of an error. */

import { CollapseError, exitCode, MachineError, messageOf, UserError } from "../errors.ts";

/** Runs `main` with the process's arguments, and exits with its code; an error that is answered in words has no stack trace. */
export async function runMain(main: (args: string[]) => Promise<number | void>): Promise<never> {
  try {
    Deno.exit(await main(Deno.args) ?? 0);
  } catch (error) {
    const known = [UserError, MachineError, CollapseError].some((type) => error instanceof type);
    console.error(known ? `error: ${messageOf(error)}` : error);
    Deno.exit(exitCode(error));
  }
}
