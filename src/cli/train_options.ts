/**
 * The command line of train.ts.
 *
 * @module
 */
import { Option } from "npm:commander@15.1.0";
import type { PretrainSettings } from "../config/pretrain_options.ts";
import { trainFlagGroups } from "../config/train_flags.ts";
import { createCommand, type Help, parseCommand } from "./command.ts";

/** What a command line can say, which has no data but by name. */
export interface GivenOptions extends PretrainSettings {
  data?: string | string[];
  recipe?: string;
}

/** What the arguments of train.ts ask for. */
export interface TrainArguments {
  /** The options that were given. */
  given: GivenOptions;
  /** Continue the run in `--out`. */
  resume: boolean;
  /** Continue it even if the data has changed. */
  allowChangedData: boolean;
  /** Print the memory of the run instead of training. */
  plan: boolean;
  /** Print where the time of a step goes instead of training. */
  profile: boolean;
}

type Switch = "resume" | "allowChangedData" | "plan" | "profile";

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
    .option("--allow-changed-data", "continue it even if the data has changed")
    .optionsGroup("Instead of training:")
    .option("--plan", "print the memory that the run would use, without allocating it")
    .addOption(
      new Option("--profile", "measure a step: the share of each kernel, and its rate relative to the peak")
        .conflicts(["plan", "resume"]),
    );
  const options = parseCommand<GivenOptions & { [S in Switch]?: true }>(command, args);
  if ("help" in options) return options;
  const { resume = false, allowChangedData = false, plan = false, profile = false, ...given } = options;
  return { given, resume, allowChangedData, plan, profile };
}
