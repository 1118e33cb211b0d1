/**
 * The command line of doctor.ts.
 *
 * @module
 */
import { createCommand, type Help, parseCommand } from "./command.ts";

/** The options of doctor.ts that were given. */
export interface GivenDoctorFlags {
  json?: boolean;
  all?: boolean;
}

/**
 * Reads the arguments of doctor.ts. Prints nothing and never exits.
 *
 * @throws {UserError} on an unknown option, naming the nearest known one.
 */
export function parseDoctorOptions(args: readonly string[]): GivenDoctorFlags | Help {
  const about =
    "Examines this machine: what its adapter is, whether every kernel computes right on it, how fast it is, " +
    "and what to expect of training. Takes less than a minute. Exit code 2 if something is wrong.";
  const command = createCommand("doctor", { about, groups: {} })
    .option(
      "--all",
      "also check kernels that this adapter never chooses, which some drivers compile for minutes",
    )
    .option("--json", "print the result as JSON");
  return parseCommand<GivenDoctorFlags>(command, args);
}
