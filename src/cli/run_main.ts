/** The end of a command: its exit code, and its error message. */

import { CollapseError, exitCode, MachineError, messageOf, UserError } from "../base/errors.ts";
import { messageWithAdvice } from "../config/advice.ts";
import { refusalOf } from "./permissions.ts";

/** Runs `main` with the process's arguments and exits with its code. Expected errors print a message without stack trace. */
export async function runMain(main: (args: string[]) => Promise<number | void>): Promise<never> {
  try {
    Deno.exit(await main(Deno.args) ?? 0);
  } catch (error) {
    report(error);
    Deno.exit(exitCode(error));
  }
}

/** Prints an error: its message if it is expected, else all of it. */
export function report(error: unknown): void {
  const message = expectedMessage(error);
  console.error(message === undefined ? error : `error: ${message}`);
}

/** What an expected error says; undefined for any other. */
export function expectedMessage(error: unknown): string | undefined {
  const known = [UserError, MachineError, CollapseError].some((type) => error instanceof type);
  const text = error instanceof MachineError ? messageWithAdvice(error) : messageOf(error);
  return refusalOf(error) ?? (known ? text : undefined);
}
