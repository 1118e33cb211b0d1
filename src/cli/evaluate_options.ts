/**
 * The command line of src/cli/evaluate.ts.
 *
 * @module
 */
import { createCommand, type Help, parseCommand } from "./command.ts";
import { evaluateFlagGroups, type EvaluateFlags } from "../config/evaluate_flags.ts";

/**
 * Reads the arguments of src/cli/evaluate.ts. Prints nothing and never exits.
 *
 * @throws {UserError} on an unknown option, naming the nearest known one, and on a value of the wrong type or range.
 */
export function parseEvaluateOptions(args: readonly string[]): EvaluateFlags | Help {
  const about =
    "Scores an encoder on labeled images, by kNN and by a linear classifier, beside raw pixels and an untrained encoder.";
  const command = createCommand("evaluate", { about, groups: evaluateFlagGroups });
  return parseCommand<EvaluateFlags>(command, args);
}
