/**
 * The command line of doctor.ts.
 *
 * @module
 */
import { createCommand, type Help, parseCommand } from "./command.ts";

/** The options given to doctor.ts. */
export interface DoctorArguments {
  json?: boolean;
  all?: boolean;
}

/**
 * Reads the arguments of doctor.ts. Prints nothing and never exits.
 *
 * @throws {UserError} on an unknown option, naming the nearest known one.
 */
export function parseDoctorOptions(args: readonly string[]): DoctorArguments | Help {
  const about =
    "Examines this machine: its adapter, whether every kernel is correct on it, its speed, and the expected training " +
    "speed. Takes less than a minute. Exit code 2 if something is wrong.";
  const command = createCommand("doctor", { about, groups: {} })
    .option(
      "--all",
      "also check kernels that this adapter never uses, which some drivers take minutes to compile",
    )
    .option("--json", "print the result as JSON");
  return parseCommand<DoctorArguments>(command, args);
}
