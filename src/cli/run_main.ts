/** The end of a command: its exit code, and its error message. */

import { CollapseError, exitCode, MachineError, messageOf, UserError } from "../base/errors.ts";
import { messageWithAdvice } from "../config/advice.ts";
import { refusalOf } from "./permissions.ts";

/** Runs `main` with the process's arguments and exits with its code. Expected errors print a message without stack trace. */
export async function runMain(main: (args: string[]) => Promise<number | void>): Promise<never> {
  try {
    Deno.exit(await main(Deno.args) ?? 0);
  } catch (error) {
    const known = [UserError, MachineError, CollapseError].some((type) => error instanceof type);
    const text = error instanceof MachineError ? messageWithAdvice(error) : messageOf(error);
    const message = refusalOf(error) ?? (known ? text : undefined);
    console.error(message === undefined ? error : `error: ${message}`);
    Deno.exit(exitCode(error));
  }
}
