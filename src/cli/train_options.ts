/**
 * The command line of train.ts.
 *
 * @module
 */

import { Option } from "npm:commander@15.1.0";
import { createCommand, type Help, parseCommand } from "./command.ts";
import { type GivenTrainFlags, trainFlagGroups } from "../config/train_flags.ts";

/** What the arguments of train.ts ask for. */
export interface TrainArguments {
  /** The options that were given. */
  given: GivenTrainFlags;
  /** Continue the run in `--out`. */
  resume: boolean;
  /** Also if the data have changed since. */
  allowChangedData: boolean;
  /** Print what the run would use, and stop. */
  plan: boolean;
  /** Print where the time of a step goes, and stop. */
  profile: boolean;
}

/**
 * Reads the arguments of train.ts. Prints nothing and never exits.
 *
 * @throws {UserError} on an unknown option, naming the nearest known one, and on a value of the wrong type or range.
 *
 * @example
 * ```ts
 * const options = parseTrainOptions(["--data", "./photos", "--batch", "32"]);
 * console.log("help" in options ? options.help : options.given.batch); // 32
 * ```
 */
export function parseTrainOptions(args: readonly string[]): TrainArguments | Help {
  const about = "Trains an image encoder without labels, by BYOL.";
  const command = createCommand("train", { about, groups: trainFlagGroups })
    .optionsGroup("Output:")
    .option("--resume", "continue the run in --out from its last checkpoint")
    .option("--allow-changed-data", "continue it although the data are no longer the same")
    .optionsGroup("Instead of training:")
    .option("--plan", "print the memory that the run would use, allocating none")
    .addOption(
      new Option("--profile", "measure a step: each kernel's share, and its rate beside this adapter's peaks")
        .conflicts(["plan", "resume"]),
    );
  const options = parseCommand<
    GivenTrainFlags & { resume?: true; allowChangedData?: true; plan?: true; profile?: true }
  >(
    command,
    args,
  );
  if ("help" in options) return options;
  const { resume = false, allowChangedData = false, plan = false, profile = false, ...given } = options;
  return { given, resume, allowChangedData, plan, profile };
}
