/**
 * The command line of doctor.ts.
 *
 * @module
 */
import { createCommand, type Help, parseCommand } from "./command.ts";

/**
 * Reads the arguments of doctor.ts. Prints nothing and never exits.
 *
 * @throws {UserError} on an unknown option, naming the nearest known one.
 */
export function parseDoctorOptions(args: readonly string[]): { json?: boolean } | Help {
  const about =
    "Examines this machine: what its adapter is, whether every kernel computes right on it, how fast it is, " +
    "and what to expect of training. Takes less than a minute. Exit code 2 if something is wrong.";
  const command = createCommand("doctor", { about, groups: {} })
    .option("--json", "print the result as JSON");
  return parseCommand<{ json?: boolean }>(command, args);
}
